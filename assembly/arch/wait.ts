// All waiting ends here. A spin names the word it waits on: `threads` spins on it, and parks when CPUs
// outnumber cores; `explore` does not run the CPU until the word is written. A waiting CPU serves
// IPIs. A lock never spells a bare loop. What sleeps (lock/sleep.ts) rests between two looks.

import { read_once } from "./atomic";
import { boot } from "./boot_params";
import { serve_ipis } from "./ipi";
import { percpu_wake_word, this_cpu } from "./percpu";

/** How long a spinning waiter of an oversubscribed machine parks, in ns. */
const PARK_NS: i64 = 20000;
/**
 * A sleeper looks up this often even when nobody kicks it, in ns: a lost wake-up is a bug, not a
 * hang.
 */
const SLEEP_NS: i64 = 100000000;
/** Nobody waits longer, in ns: an hour. */
const LONGEST_NS: i64 = 3600000000000;

/**
 * Waits until the word at `addr`, if it is `seen`, was notified, or for `ns` nanoseconds. A function of its own, and it
 * calls itself so that it is never put into another one: V8's quick compiler loses the locals of a function that
 * waits (decision 0017).
 */
function word_wait(addr: usize, seen: u32, ns: i64): void {
  if (ns > LONGEST_NS) return word_wait(addr, seen, LONGEST_NS);
  atomic.wait<i32>(addr, <i32>seen, ns);
}

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
    if (read_once<T>(addr) == seen) word_wait(word, kicks, PARK_NS);
  }
}

/**
 * Nobody calls this. A function with one caller is put into it by the compiler, and the explorer knows a wait
 * by its name: so each of them has two.
 */
export function cpu_waits(addr: usize): void {
  cpu_wait_while<u8>(addr, 0);
  cpu_wait_while<u16>(addr, 0);
  cpu_wait_while<u32>(addr, 0);
  cpu_wait_while<usize>(addr, 0);
}

/**
 * One turn of a spin loop that looks at its word by an operation of its own, as test-and-set does. `turn` is
 * what the last turn gave, 0 at first. The explorer knows it by its name.
 */
export function cpu_relax(turn: u32): u32 {
  serve_ipis();
  if (turn < boot().spin_limit) return turn + 1;
  if (boot().oversubscribed) {
    const word = percpu_wake_word(this_cpu());
    word_wait(word, read_once<u32>(word), PARK_NS);
  }
  return 0;
}

/** Lets `turns` turns of a spin loop go by. To the explorer, which knows it by its name, it is nothing. */
export function cpu_delay(turns: u32): void {
  const word = percpu_wake_word(this_cpu());
  for (let turn: u32 = 0; turn < turns; turn++) {
    read_once<u32>(word);
    serve_ipis();
  }
}

/** Rests for a millisecond, or until this CPU, kicked `kicks` times so far, is kicked again. */
export function cpu_rest_shortly(kicks: u32): void {
  word_wait(percpu_wake_word(this_cpu()), kicks, 1000000);
}

/** Rests until this CPU, kicked `kicks` times so far, is kicked again, or for a while. */
export function cpu_rest(kicks: u32): void {
  word_wait(percpu_wake_word(this_cpu()), kicks, SLEEP_NS);
}
