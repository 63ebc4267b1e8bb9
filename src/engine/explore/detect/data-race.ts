// Data races: two accesses of different CPUs to the same four bytes, one of them a write and one of them
// plain, that nothing orders. Order comes from the program of each CPU and from atomics: an atomic read
// sees what the atomic writes before it to the same word had seen (vector clocks, as in FastTrack,
// Flanagan and Freund, PLDI 2009, without its shortcuts). Waits count as atomic reads.

import type { AccessLog } from "../access-log.ts";
import { Kind, MAX_CPUS, isAtomic, isWrite } from "../runtime.ts";

/** Numbers of the two events of a race, in the order in which they happened. */
export interface DataRace {
  readonly first: number;
  readonly second: number;
}

type Clock = Int32Array;

interface Word {
  /** What the atomic writes have seen. */
  released: Clock | undefined;
  /** Last write, and last read of each CPU: event numbers, -1 for none. */
  write: number;
  readonly reads: Int32Array;
}

/** The first data race of an execution, or undefined. */
export function findDataRace(log: AccessLog): DataRace | undefined {
  const clocks = Array.from({ length: MAX_CPUS }, (_, cpu) => {
    const clock = new Int32Array(MAX_CPUS);
    clock[cpu] = 1;
    return clock;
  });
  const words = new Map<number, Word>();
  /** Time of each event on its CPU. */
  const times = new Int32Array(log.length);
  for (let event = 0; event < log.length; event++) {
    const clock = clocks[log.cpu(event)] as Clock;
    times[event] = clock[log.cpu(event)] as number;
    for (let key = log.firstWord(event); key <= log.lastWord(event); key++) {
      let word = words.get(key);
      if (word === undefined) {
        word = { released: undefined, write: -1, reads: new Int32Array(MAX_CPUS).fill(-1) };
        words.set(key, word);
      }
      const rival = rivalOf(log, event, word, clock, times);
      if (rival >= 0) return { first: rival, second: event };
      access(log, event, word, clock);
    }
    if (isAtomic(log.kind(event)) && isWrite(log.kind(event))) clock[log.cpu(event)]! += 1;
  }
  return undefined;
}

/** An earlier event that the access races with, or -1. */
function rivalOf(
  log: AccessLog,
  event: number,
  word: Word,
  clock: Clock,
  times: Int32Array,
): number {
  const isRace = (other: number): boolean => {
    if (other < 0 || log.cpu(other) === log.cpu(event)) return false;
    if (isAtomic(log.kind(other)) && isAtomic(log.kind(event))) return false;
    return (times[other] as number) > (clock[log.cpu(other)] as number);
  };
  if (isRace(word.write)) return word.write;
  return isWrite(log.kind(event)) ? (word.reads.find(isRace) ?? -1) : -1;
}

function access(log: AccessLog, event: number, word: Word, clock: Clock): void {
  const kind = log.kind(event);
  const cpu = log.cpu(event);
  if (isAtomic(kind) && kind !== Kind.atomicStore && word.released !== undefined) {
    join(clock, word.released);
  }
  if (!isWrite(kind)) {
    word.reads[cpu] = event;
    return;
  }
  word.write = event;
  if (!isAtomic(kind)) return;
  word.released ??= new Int32Array(MAX_CPUS);
  join(word.released, clock);
}

function join(into: Clock, from: Clock): void {
  for (let i = 0; i < MAX_CPUS; i++) {
    if ((from[i] as number) > (into[i] as number)) into[i] = from[i] as number;
  }
}
