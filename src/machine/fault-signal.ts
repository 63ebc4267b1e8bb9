// The signal of the last access: left in the per-CPU area by the kernel, turned into a name here.

import { PerCpu, SIGBUS, SIGKILL, SIGSEGV } from "../layout/structs.gen.ts";
import { getU32, getU64 } from "../layout/view.ts";
import { MachineSignal, type SignalName } from "../kernel/error.ts";
import type { Cpu } from "../kernel/load.ts";

const { fault_signal, fault_address, fault_write } = PerCpu;

const NAMES = new Map<number, SignalName>([
  [SIGSEGV, "SIGSEGV"],
  [SIGBUS, "SIGBUS"],
  [SIGKILL, "SIGKILL"],
]);
const NUMBERS = new Map([...NAMES].map(([number, name]) => [name, number]));

/** Number of a signal. */
export function signalNumber(name: SignalName): number {
  return NUMBERS.get(name) as number;
}

/**
 * Takes the signal that the last access raised, if any. One typed-array read when there is none.
 */
export function faultSignal(cpu: Cpu): MachineSignal | undefined {
  if (getU32(cpu, cpu.area + fault_signal) === 0) return undefined;
  const signal = NAMES.get(cpu.k.take_fault_signal()) as SignalName;
  const access = getU32(cpu, cpu.area + fault_write) === 0 ? "read" : "write";
  return new MachineSignal(signal, getU64(cpu, cpu.area + fault_address), access);
}
