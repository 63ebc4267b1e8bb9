// Where the bench of the lock lab keeps what it is told and what it finds, for each CPU. The host reads and
// writes the same places (src/experiment/locks/memory.ts).
//
//   BENCH_ORDERS   what to do, the same for all CPUs          BENCH_START, BENCH_STOP   a line each
//   BENCH_AREAS    CPU 0: counts │ three histograms │ last turn under each lock │ node      CPU 1: ...

import { smp_processor_id } from "../../arch/percpu";

/** The orders; set before the CPUs start. */
export const BENCH_ORDERS: usize = 0x200000;
/** CPUs that have come to the start; nobody leaves before all are there. */
export const BENCH_START: usize = 0x200100;
/** Not 0: leave. */
export const BENCH_STOP: usize = 0x200200;
/** The area of CPU 0, and bytes of one. */
export const BENCH_AREAS: usize = 0x210000;
export const BENCH_AREA_SIZE: usize = 0x10000;
/** Offsets in an area: histograms of the time to get a lock, to give up on it, and that it is held. */
export const WAIT_HISTOGRAM: usize = 0x1000;
export const LOST_HISTOGRAM: usize = 0x2000;
export const HOLD_HISTOGRAM: usize = 0x3000;
/** Offset of the words that remember, for each lock, which turn under it was this CPU's last. */
export const LAST_TURNS: usize = 0x4000;
/** Offset of the queue node. */
export const BENCH_NODE: usize = 0xc000;

/** What the CPUs are to do. */
@unmanaged @final
export class Orders {
  /** CPUs that take part. */
  cpus: u32;
  /** Locks; each operation takes one of them at random. */
  locks: u32;
  /** The first lock, and bytes from one to the next. */
  first_lock: usize;
  /** See first_lock. */
  stride: usize;
  /** From a lock to the words that it protects. */
  to_data: usize;
  /** Turns of work under the lock. */
  hold_turns: u32;
  /** Turns of work without it: each time from half to one and a half of these. */
  think_turns: u32;
  /** An operation reads when 32 random bits are below this. */
  readers_below: u32;
  /** Tries before a CPU gives up or parks. */
  tries: u32;
  /** With a clock: one operation in about this many is timed. */
  sample_gap: u32;
  /** 0, which the compiler does not know (section.ts). */
  nothing: u32;
}

/** What one CPU does and has found; nobody else writes it. */
@unmanaged @final
export class Counts {
  /** BENCH_THINKS, BENCH_WAITS or BENCH_HOLDS; the host looks when a CPU does not come back. */
  phase: u32;
  /** Start of the random numbers, not 0; different for each CPU. */
  seed: u32;
  /** Operations that got their lock. */
  taken: u64;
  /** Those of them that read only. */
  reads: u64;
  /** Operations that gave up. */
  lost: u64;
  /** Turns under a lock that came directly after one of the same CPU. */
  same: u64;
  /** Most turns of others under a lock between two of this CPU. */
  passed: u64;
  /** Most operations in a row that gave up. */
  lost_in_row: u64;
  /** Readers that met a writer. */
  torn: u64;
  /** Reads that were done again. */
  retries: u64;
  /** From leaving the start to the end, in ns. */
  elapsed: f64;
  /** Longest times, in ns. */
  wait_most: f64;
  /** See wait_most. */
  hold_most: f64;
  /** Where work leaves its result, or it would be left out. */
  result: u32;
}

export const BENCH_THINKS: u32 = 0;
export const BENCH_WAITS: u32 = 1;
export const BENCH_HOLDS: u32 = 2;

/** The orders. */
@inline
export function orders(): Orders {
  return changetype<Orders>(BENCH_ORDERS);
}

/** The area of this CPU. */
@inline
export function bench_area(): usize {
  return BENCH_AREAS + smp_processor_id() * BENCH_AREA_SIZE;
}
