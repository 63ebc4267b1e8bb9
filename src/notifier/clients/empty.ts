// A client that maps nothing and hears everything: what the calls alone cost.

import { defineNotifierClient } from "../client.ts";
import { atomic } from "../state.ts";

export const empty = defineNotifierClient({
  name: "empty",
  title: "hears everything, maps nothing",
  state: { released: atomic() },
  maxPages: 65_536,
  invalidatePage: () => undefined,
  rangeStart: () => undefined,
  rangeEnd: () => undefined,
  clearFlushYoung: () => false,
  release(self) {
    self.released.add(1);
  },
  access: () => false,
  underWay: () => 0,
  translations: () => [],
});
