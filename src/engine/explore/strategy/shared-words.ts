// Words that CPUs were seen to share. A switch before an access is worth a try only if another CPU was
// seen to touch the word, and one of the two writes it. The set grows with what is seen: a walk that has
// made it grow must be walked again.

import type { AccessLog } from "../access-log.ts";
import { MAX_CPUS, isWrite } from "../runtime.ts";

const READERS = (1 << MAX_CPUS) - 1;

/** See the head of the file. */
export class SharedWords {
  /** For each word: bits of the CPUs that touched it, and above them of those that wrote it. */
  readonly #words = new Map<number, number>();
  /** Grows when a word is found to be shared in a new way. */
  growth = 0;

  /** Notes the events of a log from number `from` on. */
  learn(log: AccessLog, from: number): void {
    for (let event = from; event < log.length; event++) {
      const bit = 1 << log.cpu(event);
      const bits = isWrite(log.kind(event)) ? bit | (bit << MAX_CPUS) : bit;
      const last = log.lastWord(event);
      for (let word = log.firstWord(event); word <= last; word++) {
        const known = this.#words.get(word) ?? 0;
        if ((known & bits) === bits) continue;
        const now = known | bits;
        this.#words.set(word, now);
        if (isShared(now)) this.growth++;
      }
    }
  }

  /** Bits of the other CPUs for which the place of an event matters. */
  rivals(log: AccessLog, event: number): number {
    const shift = isWrite(log.kind(event)) ? 0 : MAX_CPUS;
    const last = log.lastWord(event);
    let rivals = 0;
    for (let word = log.firstWord(event); word <= last; word++) {
      rivals |= (this.#words.get(word) ?? 0) >> shift;
    }
    return rivals & READERS & ~(1 << log.cpu(event));
  }
}

/** True when CPUs touch a word of which one writes it. */
function isShared(bits: number): boolean {
  const touched = bits & READERS;
  return bits >> MAX_CPUS !== 0 && (touched & (touched - 1)) !== 0;
}
