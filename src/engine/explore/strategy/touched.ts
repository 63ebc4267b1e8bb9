// Which words CPUs were seen to touch. A switch before an access is worth a try only if another CPU was
// seen to touch the word, and one of the two writes it.

import type { AccessLog } from "../access-log.ts";
import { MAX_CPUS, isWrite } from "../runtime.ts";
import { countCpus } from "./strategy.ts";

/** Bits of the CPUs that touched a word; above them are those of the CPUs that wrote it. */
const TOUCHED = (1 << MAX_CPUS) - 1;

/** True when several CPUs touch a word and one of them writes it. */
const isShared = (bits: number): boolean => bits >> MAX_CPUS !== 0 && countCpus(bits & TOUCHED) > 1;

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
      const bit = 1 << log.cpu(i);
      const bits = isWrite(log.kind(i)) ? bit | (bit << MAX_CPUS) : bit;
      for (let word = log.firstWord(i); word <= log.lastWord(i); word++) {
        if (((known.#bits.get(word) ?? 0) & bits) !== bits) this.#set(word, bits);
      }
    }
  }

  /** Bits of the other CPUs for which the place of an event matters. */
  rivals(log: AccessLog, event: number): number {
    const shift = isWrite(log.kind(event)) ? 0 : MAX_CPUS;
    const last = log.lastWord(event);
    let rivals = 0;
    for (let word = log.firstWord(event); word <= last; word++) {
      rivals |= (this.#bits.get(word) ?? 0) >> shift;
    }
    return rivals & TOUCHED & ~(1 << log.cpu(event));
  }

  /** Grows when a word is found to be shared in a new way. */
  countShared(): number {
    let count = 0;
    for (const bits of this.#bits.values()) if (isShared(bits)) count += countCpus(bits);
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
