// Which words CPUs were seen to touch, and which of them are shared: touched by more than one CPU, and
// written. Only accesses to those are worth a switch.

import type { AccessLog } from "../access-log.ts";
import { isWrite } from "../runtime.ts";
import { countCpus } from "./strategy.ts";

/** Bit of a word that was written, above those of the CPUs that touched it. */
const WRITTEN = 1 << 8;

const isSharedBy = (bits: number): boolean =>
  (bits & WRITTEN) !== 0 && countCpus(bits & ~WRITTEN) > 1;

/** A list that can be sent and written down: word, its bits, word, its bits, ... */
export type TouchedList = readonly number[];

/** See the head of the file. */
export class Touched {
  readonly #bits = new Map<number, number>();

  constructor(list: TouchedList = []) {
    this.add(list);
  }

  /** Adds what a list says. */
  add(list: TouchedList): void {
    for (let i = 0; i < list.length; i += 2) {
      this.#set(list[i] as number, list[i + 1] as number);
    }
  }

  /** Adds the accesses of a log, but for what `known` knows already. */
  learn(log: AccessLog, known: Touched): void {
    for (let i = 0; i < log.length; i++) {
      const bits = (1 << log.cpu(i)) | (isWrite(log.kind(i)) ? WRITTEN : 0);
      for (let word = log.firstWord(i); word <= log.lastWord(i); word++) {
        if (((known.#bits.get(word) ?? 0) & bits) !== bits) this.#set(word, bits);
      }
    }
  }

  /** True when the event touches a word that is shared. */
  isShared(log: AccessLog, event: number): boolean {
    for (let word = log.firstWord(event); word <= log.lastWord(event); word++) {
      if (isSharedBy(this.#bits.get(word) ?? 0)) return true;
    }
    return false;
  }

  /** Number of words that are shared. */
  countShared(): number {
    let count = 0;
    for (const bits of this.#bits.values()) if (isSharedBy(bits)) count++;
    return count;
  }

  /** As a list, by the numbers of the words: the order in which they were met does not show. */
  list(): TouchedList {
    return [...this.#bits].sort(([a], [b]) => a - b).flat();
  }

  #set(word: number, bits: number): void {
    this.#bits.set(word, (this.#bits.get(word) ?? 0) | bits);
  }
}
