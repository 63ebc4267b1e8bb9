// The programs of rmap-walk.bench.ts that need two CPUs: one waits for grace periods, the other passes quiescent states.

import type { ProgramTask } from "../src/machine/task.ts";

/** What both are told. */
interface GraceOrder {
  /** Two words: 1 when the other program is to end; 1 when it runs. */
  readonly words: SharedArrayBuffer;
  /** Grace periods to wait for. */
  readonly periods: number;
}

/** Waits for grace periods; µs each. */
export function gracePeriods({ cpu, shared }: ProgramTask): number {
  const { words, periods } = shared as GraceOrder;
  const state = new Int32Array(words);
  // Else its CPU would rest, and no grace period waits for such a one.
  while (Atomics.load(state, 1) === 0) Atomics.wait(state, 1, 0, 10);
  const start = performance.now();
  for (let i = 0; i < periods; i++) cpu.k.synchronize_kernel();
  const us = ((performance.now() - start) * 1000) / periods;
  Atomics.store(state, 0, 1);
  return us;
}

/** Comes into the kernel all the time, as a program does that makes syscalls. */
export function quiescentStates({ cpu, shared }: ProgramTask): void {
  const words = new Int32Array((shared as GraceOrder).words);
  Atomics.store(words, 1, 1);
  Atomics.notify(words, 1);
  while (Atomics.load(words, 0) === 0) cpu.k.take_interrupts();
}
