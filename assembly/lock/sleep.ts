// Sleeping: where Linux would have called schedule(). A CPU that sleeps has promised to use no translation
// (lazy TLB), serves IPIs, and is in a quiescent state of RCU. In `threads` its worker sleeps until
// it is kicked; in `explore` it does not run until the word is written.

import { read_once } from "../arch/atomic";
import { boot } from "../arch/boot_params";
import { serve_ipis } from "../arch/ipi";
import { percpu_wake_word, this_cpu } from "../arch/percpu";
import { enter_lazy, leave_lazy } from "../arch/tlb_state";
import { cpu_rest, cpu_rest_shortly } from "../arch/wait";
import { rcu_quiescent } from "./rcu";

/** Serves what a CPU at rest is kicked for. */
@inline
function serve_at_rest(): void {
  serve_ipis();
  rcu_quiescent();
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
    serve_at_rest();
    if (read_once<u32>(addr) != seen) break;
    cpu_rest(kicks);
  }
  leave_lazy();
}

/** Sleeps for a moment, so that others can do what this CPU waits for. */
export function cpu_nap(): void {
  const cpu = this_cpu();
  enter_lazy();
  const kicks = read_once<u32>(percpu_wake_word(cpu));
  serve_at_rest();
  cpu_rest_shortly(kicks);
  leave_lazy();
}

/** The number that cpu_idle compares: read it before looking for work. */
export function cpu_kicks(): u32 {
  return read_once<u32>(percpu_wake_word(this_cpu()));
}

/** Sleeps until somebody kicked this CPU after cpu_kicks() returned `kicks`; the caller is idle. */
export function cpu_idle_while(kicks: u32): void {
  const cpu = this_cpu();
  for (let turn: u32 = 0; turn < boot().spin_limit; turn++) {
    if (read_once<u32>(percpu_wake_word(cpu)) != kicks) return;
    serve_ipis();
  }
  enter_lazy();
  while (read_once<u32>(percpu_wake_word(cpu)) == kicks) {
    serve_at_rest();
    cpu_rest(kicks);
  }
  serve_at_rest();
  leave_lazy();
}
