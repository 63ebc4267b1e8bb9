// From the panic record and the trace rings in the machine's memory to a KernelBug that says what
// happened.

import * as layout from "../layout/structs.gen.ts";
import { getI32, getU32, getU64, type MemoryViews } from "../layout/view.ts";
import { KernelBug } from "../kernel/error.ts";
import { explainLockBug } from "./lock-order.ts";

const { PANIC_RECORD, PERCPU_AREAS, PERCPU_SIZE, PERCPU_TRACE } = layout;
const { PanicRecord, BootParams, TRACE_EVENTS, TRACE_EVENT_SIZE, BOOT_PARAMS } = layout;

/** Events of a report, at most. */
const REPORTED_EVENTS = 20;

function constantName(prefix: string, value: number): string {
  const entry = Object.entries(layout).find(
    ([name, number]) => name.startsWith(prefix) && number === value,
  );
  return entry === undefined ? `${prefix}${value}` : entry[0];
}

interface TraceEvent {
  readonly clock: number;
  readonly text: string;
}

function eventsOf(memory: MemoryViews, cpu: number): TraceEvent[] {
  const ring = PERCPU_AREAS + cpu * PERCPU_SIZE + PERCPU_TRACE;
  const events: TraceEvent[] = [];
  for (let slot = 0; slot < TRACE_EVENTS; slot++) {
    const at = ring + slot * TRACE_EVENT_SIZE;
    const clock = getU32(memory, at);
    if (clock === 0) continue;
    const name = constantName("TRACE_", getU32(memory, at + 4))
      .slice(6)
      .toLowerCase();
    const address = getU64(memory, at + 8).toString(16);
    const object = getU32(memory, at + 16).toString(16);
    events.push({ clock, text: `CPU ${cpu}  ${name}  address 0x${address}  object 0x${object}` });
  }
  return events;
}

/**
 * The last events of all CPUs, oldest first; none unless the build is a checking one. Up to half of
 * them are those of `culprit`, if it is known: the other CPUs may go on for a while after it has stopped.
 */
export function lastEvents(memory: MemoryViews, culprit?: number): string[] {
  const cpus = getU32(memory, BOOT_PARAMS + BootParams.nr_cpus);
  const inOrder = (a: TraceEvent, b: TraceEvent): number => a.clock - b.clock;
  const events = Array.from({ length: cpus }, (_, cpu) => eventsOf(memory, cpu).sort(inOrder));
  const own = (culprit === undefined ? [] : (events[culprit] ?? [])).splice(-REPORTED_EVENTS / 2);
  const others = events
    .flat()
    .sort(inOrder)
    .slice(-(REPORTED_EVENTS - own.length));
  return [...own, ...others].sort(inOrder).map((event) => event.text);
}

/** The rule that stopped the machine, or undefined while it runs. */
export function panicOf(memory: MemoryViews): KernelBug | undefined {
  const rule = getU32(memory, PANIC_RECORD + PanicRecord.rule);
  if (rule === 0) return undefined;
  const object = getU32(memory, PANIC_RECORD + PanicRecord.object);
  const value = getI32(memory, PANIC_RECORD + PanicRecord.value);
  const cpu = getU32(memory, PANIC_RECORD + PanicRecord.cpu);
  const detail =
    explainLockBug(memory, rule, cpu, object, value) ??
    `object 0x${object.toString(16)}, which held ${value}`;
  return new KernelBug(constantName("BUG_", rule), cpu, detail, lastEvents(memory, cpu));
}

/** The report of a CPU that trapped: the rule on record, or else the trap itself. */
export function bugOfTrap(memory: MemoryViews, cpu: number, trap: string): KernelBug {
  return panicOf(memory) ?? new KernelBug("TRAP", cpu, trap, lastEvents(memory, cpu));
}
