// Data races by happens-before: two accesses of different CPUs to a common byte, one of them a write and
// one of them plain, that nothing orders. Vector clocks, as in FastTrack (Flanagan and Freund, PLDI 2009).
//
// Order comes from the program of each CPU, and from atomics: an atomic read sees what the write that it
// finds there had seen. A wait is an atomic read of the word that ends it; interrupts, wake-ups and run
// queues are words of memory too, so none of them needs a rule of its own.
//
//   access                 counts as       orders
//   load, store, bulk      plain           nothing
//   write_once             marked write    releases what came before the CPU's last full barrier
//   atomic load, wait      marked read     acquires
//   atomic store           marked write    releases
//   rmw, cmpxchg           marked write    acquires, releases, and is a full barrier
//   cmpxchg that failed    marked read     acquires, and is a full barrier
//
// For each byte, CPU and class the last access is kept: if it is ordered before another one, so are those
// before it. Left out: accesses that are no events: plain ones of a CPU to its own area, those of the
// library's allocator.

import type { AccessLog } from "../access-log.ts";
import { Kind, MAX_CPUS } from "../runtime.ts";
import { BulkHistory, Class, WHOLE, WordHistory, maskOf } from "./access-history.ts";

/** Two events that race, in the order in which they happened. */
export interface DataRace {
  readonly first: number;
  readonly second: number;
  /** The lowest byte that both touch. */
  readonly address: number;
}

/** What is read of the events of an execution. */
export type RaceLog = Pick<
  AccessLog,
  "length" | "kind" | "site" | "address" | "size" | "cpu" | "changedNothing"
>;

/** True for a race that is meant to be: it is passed over. */
export type IsIntended = (log: RaceLog, race: DataRace) => boolean;

const NOTHING_INTENDED: IsIntended = () => false;

/** What an event counts as, by its kind. */
const CLASSES: readonly number[] = [
  Class.plainRead,
  Class.plainWrite,
  Class.markedRead,
  Class.markedWrite,
  Class.markedWrite,
  Class.markedWrite,
  Class.markedRead,
  Class.plainRead,
  Class.plainWrite,
  Class.markedWrite,
];

/** Bytes of a wait that stands for the words that a loop reads: an order, but no access. */
const LOOP_BYTES = 8;

/** Looks for data races in executions, one after another. */
export class DataRaceDetector {
  readonly #words: WordHistory;
  readonly #bulks = new BulkHistory();
  readonly #isIntended: IsIntended;
  /** What each CPU has seen of each other. */
  readonly #clocks = new Int32Array(MAX_CPUS * MAX_CPUS);
  /** The same, at its last full barrier. */
  readonly #barriers = new Int32Array(MAX_CPUS * MAX_CPUS);
  /** Time of each event on its CPU. */
  #times = new Int32Array(1024);
  #log: RaceLog | undefined;
  #event = 0;
  #race: DataRace | undefined;

  /**
   * @param machineBytes no access is beyond
   * @param cpus their number
   * @param isIntended says which races to pass over
   */
  constructor(machineBytes: number, cpus: number, isIntended: IsIntended = NOTHING_INTENDED) {
    this.#words = new WordHistory(machineBytes, cpus);
    this.#isIntended = isIntended;
  }

  /** The first data race of an execution that is not intended, or undefined. */
  find(log: RaceLog): DataRace | undefined {
    this.#words.clear();
    this.#bulks.clear();
    this.#clocks.fill(0);
    this.#barriers.fill(0);
    for (let cpu = 0; cpu < MAX_CPUS; cpu++) this.#clocks[cpu * MAX_CPUS + cpu] = 1;
    if (log.length > this.#times.length) this.#times = new Int32Array(log.length * 2);
    this.#log = log;
    this.#race = undefined;
    for (let event = 0; event < log.length; event++) {
      if (this.#races(log, event)) return this.#race;
    }
    return undefined;
  }

  /** Whether an event races with an earlier one; if not, it takes effect. */
  #races(log: RaceLog, event: number): boolean {
    const kind = log.kind(event);
    const cpu = log.cpu(event);
    const from = log.address(event);
    const to = from + log.size(event);
    this.#event = event;
    this.#times[event] = this.#clocks[cpu * MAX_CPUS + cpu] as number;
    const hasFailed = kind === Kind.cmpxchg && log.changedNothing(event);
    const as = hasFailed ? Class.markedRead : (CLASSES[kind] as number);
    if (kind === Kind.bulkRead || kind === Kind.bulkWrite) return this.#bulk(from, to, cpu, as);
    const isLoop = kind === Kind.wait && to - from === LOOP_BYTES;
    if (this.#bulks.visitRange(from, to, cpu, as, this.#visit)) return true;
    for (let word = from >>> 2; word <= (to - 1) >>> 2; word++) {
      const record = this.#words.recordOf(word);
      const mask = maskOf(word * 4, from, to);
      if (!isLoop) {
        if (this.#words.visitConflicts(record, cpu, as, mask, this.#visit)) return true;
        this.#words.note(record, cpu, as, mask, event);
      }
      if (kind > Kind.store) this.#order(kind, as, cpu, record, mask);
    }
    if (kind === Kind.rmw || kind === Kind.cmpxchg) this.#barrier(cpu);
    return false;
  }

  #bulk(from: number, to: number, cpu: number, as: number): boolean {
    if (this.#bulks.visitRange(from, to, cpu, as, this.#visit)) return true;
    if (this.#words.visitRange(from, to, cpu, as, this.#visit)) return true;
    this.#bulks.note(from, to, cpu, as, this.#event);
    return false;
  }

  /** What an atomic, or a write_once, orders. */
  #order(kind: number, as: number, cpu: number, record: number, mask: number): void {
    const at = cpu * MAX_CPUS;
    if (kind === Kind.writeOnce) {
      this.#words.release(record, this.#barriers, at, mask !== WHOLE);
      return;
    }
    if (kind !== Kind.atomicStore) this.#words.acquire(record, this.#clocks, at);
    if (as !== Class.markedWrite) return;
    this.#words.release(record, this.#clocks, at, mask !== WHOLE);
    // What comes next is not released by this.
    this.#clocks[at + cpu] = (this.#times[this.#event] as number) + 1;
  }

  /** What came before is released by every write from here on. */
  #barrier(cpu: number): void {
    const at = cpu * MAX_CPUS;
    for (let i = at; i < at + MAX_CPUS; i++) this.#barriers[i] = this.#clocks[i] as number;
    this.#barriers[at + cpu] = this.#times[this.#event] as number;
    this.#clocks[at + cpu] = (this.#times[this.#event] as number) + 1;
  }

  /** Whether the event races with an earlier one that it conflicts with. */
  readonly #visit = (other: number): boolean => {
    const log = this.#log as RaceLog;
    const seen = this.#clocks[log.cpu(this.#event) * MAX_CPUS + log.cpu(other)] as number;
    if ((this.#times[other] as number) <= seen) return false;
    const address = Math.max(log.address(other), log.address(this.#event));
    const race = { first: other, second: this.#event, address };
    if (this.#isIntended(log, race)) return false;
    this.#race = race;
    return true;
  };
}
