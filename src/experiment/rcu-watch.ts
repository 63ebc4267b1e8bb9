// Finds a grace period of RCU that does not end: some CPU is in kernel code, or in a program that never comes into
// the kernel, and what the others have freed does not come back. Linux: check_cpu_stall, since 2.6.13 (there the tick
// of a CPU that waits looks; here the host does), after as long.

import { RCU_STATE, RcuState } from "../layout/structs.gen.ts";
import { getI32, type MemoryViews } from "../layout/view.ts";
import { rcuWaitsFor } from "../machine/cpu-report.ts";
import { Patience } from "./patience.ts";

/** RCU_SECONDS_TILL_STALL_CHECK of Linux, in ms. */
export const RCU_STALL_MS = 21_000;

/** Looks at the grace periods of a machine. */
export class RcuWatch {
  readonly #memory: MemoryViews;
  readonly #patience: Patience;
  #batch: number;

  /** @param clock now, in ms */
  constructor(memory: MemoryViews, clock?: () => number) {
    this.#memory = memory;
    this.#patience = new Patience(clock);
    this.#batch = this.#running();
  }

  #running(): number {
    return getI32(this.#memory, RCU_STATE + RcuState.cur);
  }

  /** CPUs that a grace period has waited for too long, or none. To be called often. */
  stalled(): readonly number[] {
    const batch = this.#running();
    const cpus = rcuWaitsFor(this.#memory);
    if (batch === this.#batch && cpus.length > 0) {
      return this.#patience.waitedMs() > RCU_STALL_MS ? cpus : [];
    }
    this.#batch = batch;
    this.#patience.renew();
    return [];
  }
}
