// Which events of an execution must stay in their order: program order, and conflicts (two accesses of
// different CPUs to the same four bytes, one of them a write). Vector clocks; memory is sequentially
// consistent. Finds the races: pairs of conflicting events that nothing between them orders, so that
// they could happen the other way round.

import type { AccessLog } from "./access-log.ts";
import { MAX_CPUS, isWrite } from "./runtime.ts";

/** Accesses to one granule: the last write, and the last read of each CPU since; -1 for none. */
interface Granule {
  write: number;
  readonly reads: Int32Array;
}

/** See the head of the file. */
export class HappensBefore {
  readonly #log: AccessLog;
  readonly #granules = new Map<number, Granule>();
  /** Clock of each event, MAX_CPUS numbers each. */
  #clocks = new Int32Array(MAX_CPUS * 256);
  /** Number of each event among those of its CPU, from 1. */
  #sequence = new Int32Array(256);
  /** Last event of each CPU, or -1. */
  readonly #last = new Int32Array(MAX_CPUS);
  readonly #rivals: number[] = [];

  constructor(log: AccessLog) {
    this.#log = log;
  }

  /** Orders the events of the log; `onRace(first, second)` for each race whose second event is `from` or later. */
  run(from: number, onRace: (first: number, second: number) => void): void {
    const log = this.#log;
    this.#granules.clear();
    this.#last.fill(-1);
    this.#grow(log.length);
    for (let event = 0; event < log.length; event++) {
      this.#order(event, event >= from ? onRace : undefined);
    }
  }

  /** True when event `first` must come before event `second`. */
  isOrdered(first: number, second: number): boolean {
    const clock = this.#clocks[second * MAX_CPUS + this.#log.cpu(first)] as number;
    return clock >= (this.#sequence[first] as number);
  }

  #grow(length: number): void {
    if (length <= this.#sequence.length) return;
    this.#sequence = new Int32Array(length * 2);
    this.#clocks = new Int32Array(length * 2 * MAX_CPUS);
  }

  #order(event: number, onRace: ((first: number, second: number) => void) | undefined): void {
    const log = this.#log;
    const cpu = log.cpu(event);
    const previous = this.#last[cpu] as number;
    const clocks = this.#clocks;
    const at = event * MAX_CPUS;
    if (previous < 0) clocks.fill(0, at, at + MAX_CPUS);
    else clocks.copyWithin(at, previous * MAX_CPUS, (previous + 1) * MAX_CPUS);
    const sequence = (clocks[at + cpu] as number) + 1;
    this.#sequence[event] = sequence;

    // The latest first: what it is ordered after is then no race of its own.
    const rivals = this.#conflicts(event, cpu);
    for (const rival of rivals) {
      const isNew = (clocks[at + log.cpu(rival)] as number) < (this.#sequence[rival] as number);
      if (!isNew) continue;
      // One that was woken could not have happened before it was.
      const wasImpossible = rival > previous && log.wasWoken(event);
      if (onRace !== undefined && !wasImpossible) onRace(rival, event);
      for (let i = 0; i < MAX_CPUS; i++) {
        const theirs = clocks[rival * MAX_CPUS + i] as number;
        if (theirs > (clocks[at + i] as number)) clocks[at + i] = theirs;
      }
    }
    clocks[at + cpu] = sequence;
    this.#last[cpu] = event;
    this.#note(event, cpu);
  }

  /** Events of other CPUs that the access conflicts with, the latest first. */
  #conflicts(event: number, cpu: number): number[] {
    const log = this.#log;
    const rivals = this.#rivals;
    rivals.length = 0;
    const writes = isWrite(log.kind(event));
    for (let key = log.firstWord(event); key <= log.lastWord(event); key++) {
      const granule = this.#granules.get(key);
      if (granule === undefined) continue;
      if (granule.write >= 0 && log.cpu(granule.write) !== cpu) rivals.push(granule.write);
      if (!writes) continue;
      for (let other = 0; other < MAX_CPUS; other++) {
        const read = granule.reads[other] as number;
        if (read >= 0 && other !== cpu) rivals.push(read);
      }
    }
    if (rivals.length > 1) rivals.sort((a, b) => b - a);
    return rivals;
  }

  #note(event: number, cpu: number): void {
    const log = this.#log;
    const writes = isWrite(log.kind(event));
    for (let key = log.firstWord(event); key <= log.lastWord(event); key++) {
      let granule = this.#granules.get(key);
      if (granule === undefined) {
        granule = { write: -1, reads: new Int32Array(MAX_CPUS).fill(-1) };
        this.#granules.set(key, granule);
      }
      if (writes) {
        granule.write = event;
        granule.reads.fill(-1);
      } else {
        granule.reads[cpu] = event;
      }
    }
  }
}
