// The loops of `racier locks`: think, take a lock, work under it, give it back, until the host says stop.
// A loop for each way to take a lock, with readers or without, with a clock or without: what an operation
// does not need costs it nothing. The clock is slow (lab/arch/clock.ts), so throughput is measured without
// it, and with it only one operation in many is timed.
//
// The harness is everything here but the lock: its cost is what the loop takes with lab/bench/empty.ts for
// a lock, on one CPU, where nobody is in the way.

import * as lock from "racier/subject";
import { atomic_fetch_add, read_once } from "../../arch/atomic";
import { cpu_wait_while } from "../../arch/wait";
import { clock } from "../arch/clock";
import {
  BENCH_HOLDS,
  BENCH_NODE,
  BENCH_START,
  BENCH_STOP,
  BENCH_THINKS,
  BENCH_WAITS,
  Counts,
  HOLD_HISTOGRAM,
  LOST_HISTOGRAM,
  Orders,
  WAIT_HISTOGRAM,
  bench_area,
  orders,
} from "./area";
import { histogram_add } from "./histogram";
import { Data, last_turn, read_section, write_section } from "./section";
import { BENCH_PARK, BENCH_SPIN, BENCH_TRY, give, take } from "./take";
import { below, next_random, work } from "./work";

/** Leaves together with the other CPUs. */
function start_together(cpus: u32): void {
  let come = atomic_fetch_add<u32>(BENCH_START, 1) + 1;
  while (come < cpus) {
    cpu_wait_while<u32>(BENCH_START, come);
    come = read_once<u32>(BENCH_START);
  }
}

/**
 * Writes down an operation that was timed: it asked, got or gave up, and freed. What the clock adds is in the
 * times: the host knows how much that is from the same loop without a lock.
 */
function note_times(
  area: usize, counts: Counts, got: bool, asked: f64, had: f64, freed: f64,
): void {
  const waited = had - asked;
  if (!got) {
    histogram_add(area + LOST_HISTOGRAM, waited);
    return;
  }
  const held = freed - had;
  counts.wait_most = max(counts.wait_most, waited);
  counts.hold_most = max(counts.hold_most, held);
  histogram_add(area + WAIT_HISTOGRAM, waited);
  histogram_add(area + HOLD_HISTOGRAM, held);
}

/** Half to one and a half of the turns that were ordered, so that CPUs do not fall into step. */
@inline
function think(counts: Counts, turns: u32): void {
  if (turns == 0) return;
  counts.seed = next_random(counts.seed);
  counts.result = work((turns >> 1) + below(turns + 1, counts.seed), counts.result);
}

/** An operation gave up, the `in_a_row`th of this CPU. */
function note_lost(counts: Counts, in_a_row: u64): void {
  counts.phase = BENCH_THINKS;
  counts.lost++;
  if (in_a_row > counts.lost_in_row) counts.lost_in_row = in_a_row;
}

/** A turn of a writer: who was served since the last one of this CPU under the same lock. */
@inline
function note_turn(counts: Counts, last: usize, turn: u64): void {
  const before = load<u64>(last);
  store<u64>(last, turn + 1);
  if (before == turn) counts.same++;
  // 0: it had none yet; who began later has not been passed.
  else if (before != 0 && turn - before > counts.passed) counts.passed = turn - before;
}

/** Work under the lock. Returns the number of a writer's turn. */
@inline
function hold(
  has_readers: bool, is_reader: bool, word: usize, data: Data, turns: u32, counts: Counts,
): u64 {
  const nothing = orders().nothing;
  counts.phase = BENCH_HOLDS;
  if (!has_readers || !is_reader) {
    return write_section(word, data, has_readers, turns, nothing, counts);
  }
  read_section(word, data, turns, nothing, counts);
  return 0;
}

/** One operation with the clock; false when it gave up. */
function operate_timed(
  how: u32, has_readers: bool, is_reader: bool, word: usize, data: Data, last: usize,
): bool {
  const area = bench_area();
  const counts = changetype<Counts>(area);
  const asked = clock();
  counts.phase = BENCH_WAITS;
  const got = take(how, is_reader, word, area + BENCH_NODE, data, orders().tries);
  const had = clock();
  if (!got) {
    note_times(area, counts, false, asked, had, 0);
    return false;
  }
  const turn = hold(has_readers, is_reader, word, data, orders().hold_turns, counts);
  const freed = clock();
  give(how, is_reader, word, area + BENCH_NODE, data);
  counts.phase = BENCH_THINKS;
  note_times(area, counts, true, asked, had, freed);
  if (!is_reader) note_turn(counts, last, turn);
  return true;
}

@inline
function loop(how: u32, has_readers: bool, has_clock: bool): void {
  const area = bench_area();
  const counts = changetype<Counts>(area);
  const order = orders();
  const locks = order.locks;
  const hold_turns = order.hold_turns;
  const think_turns = order.think_turns;
  const tries = order.tries;
  let word = order.first_lock;
  let data = changetype<Data>(word + order.to_data);
  let last = last_turn(area, 0);
  let taken: u64 = 0;
  let in_a_row: u64 = 0;
  let until_sample: u32 = 1;
  start_together(order.cpus);
  const began = clock();
  while (read_once<u32>(BENCH_STOP) == 0) {
    if (locks > 1) {
      counts.seed = next_random(counts.seed);
      const index = below(locks, counts.seed);
      word = order.first_lock + index * order.stride;
      data = changetype<Data>(word + order.to_data);
      last = last_turn(area, index);
    }
    let is_reader = false;
    if (has_readers) {
      counts.seed = next_random(counts.seed);
      is_reader = counts.seed < order.readers_below;
    }
    let got: bool;
    if (has_clock && --until_sample == 0) {
      counts.seed = next_random(counts.seed);
      until_sample = 1 + below(2 * order.sample_gap - 1, counts.seed);
      got = operate_timed(how, has_readers, is_reader, word, data, last);
    } else {
      counts.phase = BENCH_WAITS;
      got = take(how, is_reader, word, area + BENCH_NODE, data, tries);
      if (got) {
        const turn = hold(has_readers, is_reader, word, data, hold_turns, counts);
        give(how, is_reader, word, area + BENCH_NODE, data);
        counts.phase = BENCH_THINKS;
        if (!has_readers || !is_reader) note_turn(counts, last, turn);
      }
    }
    if (got) {
      taken++;
      in_a_row = 0;
    } else {
      note_lost(counts, ++in_a_row);
    }
    think(counts, think_turns);
  }
  counts.elapsed = clock() - began;
  counts.taken = taken;
}

export function run_spin(): void { loop(BENCH_SPIN, false, false); }
export function run_spin_timed(): void { loop(BENCH_SPIN, false, true); }
export function run_spin_readers(): void { loop(BENCH_SPIN, true, false); }
export function run_spin_readers_timed(): void { loop(BENCH_SPIN, true, true); }
export function run_try(): void { loop(BENCH_TRY, false, false); }
export function run_try_timed(): void { loop(BENCH_TRY, false, true); }
export function run_try_readers(): void { loop(BENCH_TRY, true, false); }
export function run_try_readers_timed(): void { loop(BENCH_TRY, true, true); }
export function run_park(): void { loop(BENCH_PARK, false, false); }
export function run_park_timed(): void { loop(BENCH_PARK, false, true); }
export function run_park_readers(): void { loop(BENCH_PARK, true, false); }
export function run_park_readers_timed(): void { loop(BENCH_PARK, true, true); }

/** Does `turns` turns of work and returns how long they took, in ns. */
export function time_work(turns: u32): f64 {
  const counts = changetype<Counts>(bench_area());
  const began = clock();
  counts.result = work(turns, counts.result);
  return clock() - began;
}

/** Makes the locks ready: one CPU does, before the others start. */
export function prepare(cpus: u32): void {
  if (isDefined(lock.init)) {
    const order = orders();
    for (let i: u32 = 0; i < order.locks; i++) {
      lock.init(order.first_lock + i * order.stride, cpus);
    }
  }
}

/** Sizes of the structs, which the host must know. */
export const ORDERS_BYTES: i32 = <i32>offsetof<Orders>();
export const COUNTS_BYTES: i32 = <i32>offsetof<Counts>();
export const LOCK_SIZE: i32 = lock.LOCK_BYTES;
export const NODE_SIZE: i32 = lock.NODE_BYTES;
