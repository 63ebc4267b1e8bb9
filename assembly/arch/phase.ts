// Where the time went: self time of a few phases, read from the engine's clock. Off unless the host
// asked for a profile at boot; then two clock reads surround each stretch of work, never each PTE.

import { boot } from "./boot_params";
import { NR_PHASES, PERCPU_PHASES, this_cpu, this_cpu_base } from "./percpu";

@external("arch", "clock")
declare function clock(): f64;

export const PHASE_OTHER: u32 = 0;
export const PHASE_VMAS: u32 = 1;
export const PHASE_PAGE_TABLES: u32 = 2;
export const PHASE_PTE_COPY: u32 = 3;
export const PHASE_FAULTS: u32 = 4;
export const PHASE_COW: u32 = 5;
export const PHASE_ZAP: u32 = 6;

/** The engine's clock, in ns. */
export function clock_ns(): f64 {
  return clock();
}

/** Starts to charge time to `phase`; returns the phase to give to phase_leave. */
export function phase_enter(phase: u32): u32 {
  if (boot().profile == 0) return 0;
  const cpu = this_cpu();
  const now = clock();
  const slot = this_cpu_base() + PERCPU_PHASES + cpu.phase * 8;
  store<f64>(slot, load<f64>(slot) + now - cpu.phase_since);
  const previous = cpu.phase;
  cpu.phase = phase;
  cpu.phase_since = now;
  return previous;
}

/** Goes back to the phase that phase_enter returned. */
@inline
export function phase_leave(previous: u32): void {
  phase_enter(previous);
}

/** Forgets all times of this CPU and starts with PHASE_OTHER. */
export function phase_reset(): void {
  const cpu = this_cpu();
  cpu.phase = PHASE_OTHER;
  cpu.phase_since = clock();
  for (let phase: u32 = 0; phase < NR_PHASES; phase++) {
    store<f64>(this_cpu_base() + PERCPU_PHASES + phase * 8, 0);
  }
}

/** Time of `phase` on this CPU since phase_reset, in ns. */
export function phase_time(phase: u32): f64 {
  return load<f64>(this_cpu_base() + PERCPU_PHASES + phase * 8);
}
