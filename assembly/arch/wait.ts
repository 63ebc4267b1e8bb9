// All waiting. Each primitive names the word it waits on: `threads` spins on it, parks when CPUs
// outnumber cores, and sleeps where Linux would have called schedule(); `explore` does not run the
// CPU until the word is written. A waiting CPU serves IPIs. A lock never spells a bare loop.

import { read_once } from "./atomic";
import { boot } from "./boot_params";
import { no_locks_held } from "./held_locks";
import { serve_ipis } from "./ipi";
import { enter_lazy, leave_lazy } from "./tlb_state";
import { percpu_wake_word, this_cpu } from "./percpu";

/** How long a spinning waiter of an oversubscribed machine parks, in ns. */
const PARK_NS: i64 = 20000;
/**
 * A sleeper looks up this often even when nobody kicks it, in ns: a lost wake-up is a bug, not a
 * hang.
 */
const SLEEP_NS: i64 = 100000000;

/**
 * One turn of a spin loop on the word at `addr`: returns when it is no longer `seen`, or a while
 * later.
 */
export function cpu_wait_while<T>(addr: usize, seen: T): void {
  const limit = boot().spin_limit;
  for (let turn: u32 = 0; turn < limit; turn++) {
    if (read_once<T>(addr) != seen) return;
    serve_ipis();
  }
  if (boot().oversubscribed) {
    const cpu = this_cpu();
    const word = percpu_wake_word(cpu);
    const kicks = read_once<u32>(word);
    serve_ipis();
    if (read_once<T>(addr) == seen) atomic.wait<i32>(word, <i32>kicks, PARK_NS);
  }
}

/** Sleeps until the word at `addr` is no longer `seen`. Whoever writes it kicks this CPU. */
export function cpu_sleep_while(addr: usize, seen: u32): void {
  const cpu = this_cpu();
  for (let turn: u32 = 0; turn < boot().spin_limit; turn++) {
    if (read_once<u32>(addr) != seen) return;
    serve_ipis();
  }
  cpu.sleeps++;
  enter_lazy();
  while (read_once<u32>(addr) == seen) {
    const kicks = read_once<u32>(percpu_wake_word(cpu));
    serve_ipis();
    if (read_once<u32>(addr) != seen) break;
    atomic.wait<i32>(percpu_wake_word(cpu), <i32>kicks, SLEEP_NS);
  }
  leave_lazy();
}

/** The number that cpu_idle compares: read it before looking for work. */
export function cpu_kicks(): u32 {
  return read_once<u32>(percpu_wake_word(this_cpu()));
}

/** Sleeps until somebody kicked this CPU after cpu_kicks() returned `kicks`. */
export function cpu_idle(kicks: u32): void {
  no_locks_held();
  const cpu = this_cpu();
  for (let turn: u32 = 0; turn < boot().spin_limit; turn++) {
    if (read_once<u32>(percpu_wake_word(cpu)) != kicks) return;
    serve_ipis();
  }
  enter_lazy();
  while (read_once<u32>(percpu_wake_word(cpu)) == kicks) {
    serve_ipis();
    atomic.wait<i32>(percpu_wake_word(cpu), <i32>kicks, SLEEP_NS);
  }
  serve_ipis();
  leave_lazy();
}
