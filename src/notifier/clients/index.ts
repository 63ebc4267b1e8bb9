// The clients that come with racier. Their numbers are their places here; those of users follow.

import type { NotifierClient } from "../client.ts";
import { empty } from "./empty.ts";
import { gru } from "./gru.ts";
import { kvm } from "./kvm.ts";
import { xpmem } from "./xpmem.ts";

/** All of them. */
export const CLIENTS: readonly NotifierClient[] = [empty, kvm, gru, xpmem];
