// One access through a secondary MMU: what the hardware does when it is given an entry. A CPU has one, and uses it again:
// an access makes no objects.

import type { KernelCalls } from "../kernel/calls.ts";
import type { Perform, Tag } from "./client.ts";

/** Entries that are found by their place have no tag. */
const NO_TAG: Tag = { at: 0, value: 0 };

/** See the head of the file. */
export class Operation {
  offset = 0;
  /** What was loaded, or is to be stored. */
  value = 0;
  /** The same for 64 bits. */
  wide = 0n;
  readonly #k: KernelCalls;

  constructor(k: KernelCalls) {
    this.#k = k;
  }

  /** Each does it through an entry; false if that does not allow it. */
  readonly load32: Perform = (entry, tag = NO_TAG) => {
    this.value = this.#k.secondary_load32(entry, this.offset, tag.at, tag.value);
    return this.value >= 0;
  };

  readonly store32: Perform = (entry, tag = NO_TAG) =>
    this.#k.secondary_store32(entry, this.offset, this.value, tag.at, tag.value) !== 0;

  readonly load64: Perform = (entry, tag = NO_TAG) => {
    const found = this.#k.secondary_load64(entry, this.offset, tag.at, tag.value);
    this.wide = BigInt.asUintN(64, found);
    return this.#k.secondary_missed() === 0;
  };

  readonly store64: Perform = (entry, tag = NO_TAG) =>
    this.#k.secondary_store64(entry, this.offset, this.wide, tag.at, tag.value) !== 0;
}
