// One access through a secondary MMU: what the hardware does when it is given an entry. A CPU has one, and uses it again:
// an access makes no objects.

import type { Cpu } from "../kernel/load.ts";
import type { Perform, Tag } from "./client.ts";

/** What is accessed. */
type Kind = "load32" | "store32" | "load64" | "store64";

/** Entries that are found by their place have no tag. */
const NO_TAG: Tag = { at: 0, value: 0 };

/** See the head of the file. */
export class Operation {
  kind: Kind = "load32";
  offset = 0;
  /** What was loaded, or is to be stored. */
  value = 0;
  /** The same for 64 bits. */
  wide = 0n;
  readonly #cpu: Cpu;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
  }

  /** Does it through an entry; false if that does not allow it. */
  readonly perform: Perform = (entry, tag = NO_TAG) => {
    const { k } = this.#cpu;
    const { offset } = this;
    switch (this.kind) {
      case "load32":
        this.value = k.secondary_load32(entry, offset, tag.at, tag.value);
        return this.value >= 0;
      case "store32":
        return k.secondary_store32(entry, offset, this.value, tag.at, tag.value) !== 0;
      case "load64":
        this.wide = BigInt.asUintN(64, k.secondary_load64(entry, offset, tag.at, tag.value));
        return k.secondary_missed() === 0;
      case "store64":
        return k.secondary_store64(entry, offset, this.wide, tag.at, tag.value) !== 0;
    }
  };
}
