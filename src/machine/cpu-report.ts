// What each CPU is about, for the report of a machine in which nothing goes on: where it is, what it is asked for,
// which locks it holds or waits for, and which grace period of RCU waits for whom.

import * as layout from "../layout/structs.gen.ts";
import { getU32, getU64, type MemoryViews } from "../layout/view.ts";
import { heldLocks } from "./lock-order.ts";
import { areaOf, cpusOf } from "./proc/frames.ts";

const { PerCpu, RCU_STATE, RcuState, TLB_FLUSH, TlbFlush, TLB_STATE_OK } = layout;

const ATTENTION = "ATTENTION_";

/** What the bits of an attention word ask for, in lower case. */
function wanted(bits: number): string[] {
  return Object.entries(layout)
    .filter(([name, bit]) => name.startsWith(ATTENTION) && (bits & (bit as number)) !== 0)
    .map(([name]) => name.slice(ATTENTION.length).toLowerCase());
}

/** CPUs of a mask. */
function cpusIn(mask: bigint | number): number[] {
  const bits = BigInt(mask);
  return Array.from({ length: 64 }, (_, cpu) => cpu).filter(
    (cpu) => ((bits >> BigInt(cpu)) & 1n) === 1n,
  );
}

function cpuReport(memory: MemoryViews, cpu: number): string {
  const area = areaOf(cpu);
  const awake = getU32(memory, area + PerCpu.tlb_state) === TLB_STATE_OK;
  const asked = wanted(getU32(memory, area + PerCpu.attention));
  const held = heldLocks(memory, cpu);
  return [
    `CPU ${cpu}  ${awake ? "awake" : "at rest"}`,
    `ready to run here: ${getU32(memory, area + PerCpu.nr_running)}`,
    ...(asked.length > 0 ? [`asked for: ${asked.join(", ")}`] : []),
    ...(held.length > 0 ? [`holds or waits for: ${held.join(", ")}`] : []),
  ].join("; ");
}

/** CPUs that the grace period which runs waits for; none if none runs. */
export function rcuWaitsFor(memory: MemoryViews): number[] {
  return cpusIn(getU64(memory, RCU_STATE + RcuState.cpumask));
}

/** A line for each CPU, and one for a TLB flush or a grace period that waits for CPUs. */
export function cpuReports(memory: MemoryViews): string[] {
  const lines = Array.from({ length: cpusOf(memory) }, (_, cpu) => cpuReport(memory, cpu));
  const flush = cpusIn(getU64(memory, TLB_FLUSH + TlbFlush.flush_cpumask));
  if (flush.length > 0) lines.push(`a TLB flush waits for CPU ${flush.join(", ")}`);
  const rcu = rcuWaitsFor(memory);
  if (rcu.length > 0) lines.push(`a grace period of RCU waits for CPU ${rcu.join(", ")}`);
  return lines;
}
