// A mutant of kvm that does not hear when a page is taken away: what the guest loads from there on is somebody else's.

import type { NotifierClient } from "../../../src/notifier/client.ts";
import { kvm } from "../../../src/notifier/clients/kvm.ts";

const forgetful: NotifierClient = {
  ...kvm,
  name: "forgetful",
  title: "kvm, deaf to single pages",
  invalidatePage: () => undefined,
};
export default forgetful;
