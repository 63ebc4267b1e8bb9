// The steps of an execution that matter: accesses to words that several CPUs touch and one of them
// writes, and the last accesses before each switch and before the end.

import {
  Kind,
  eventOf,
  isWrite,
  type AccessEvent,
  type Runtime,
} from "../engine/explore/runtime.ts";
import type { Names } from "../engine/explore/names.ts";
import type { ExploreStep } from "./explore-document.ts";

const KIND_NAMES: Readonly<Record<number, ExploreStep["kind"]>> = {
  [Kind.load]: "load",
  [Kind.store]: "store",
  [Kind.atomicLoad]: "atomic load",
  [Kind.atomicStore]: "atomic store",
  [Kind.rmw]: "rmw",
  [Kind.cmpxchg]: "cmpxchg",
  [Kind.wait]: "wait",
  [Kind.bulkRead]: "read",
  [Kind.bulkWrite]: "write",
};

/** Steps of the execution that ran last, with recorded values. */
export function stepsOf(runtime: Runtime, length: number, names: Names): ExploreStep[] {
  const events = Array.from({ length }, (_, index) => eventOf(runtime, index, true));
  const shared = sharedWords(events);
  const steps: ExploreStep[] = [];
  let running = events[0]?.cpu;
  let isSwitch = false;
  events.forEach((event, index) => {
    isSwitch ||= event.cpu !== running;
    running = event.cpu;
    const matters = wordsOf(event).some((word) => shared.has(word));
    if (!matters && !isNearSwitch(events, index)) return;
    steps.push({ ...describe(event, names), event: index + 1, isSwitch });
    isSwitch = false;
  });
  return steps;
}

/** Accesses before a switch that are shown whatever they touch. */
const BEFORE_SWITCH = 5;

/** True shortly before another CPU goes on, and before the end. */
function isNearSwitch(events: readonly AccessEvent[], index: number): boolean {
  for (let next = index + 1; next <= index + BEFORE_SWITCH; next++) {
    if (events[next]?.cpu !== events[index]?.cpu) return true;
  }
  return false;
}

function describe(event: AccessEvent, names: Names): Omit<ExploreStep, "event" | "isSwitch"> {
  const { cpu, kind, before, after } = event;
  return {
    ...{ cpu, kind: KIND_NAMES[kind] ?? "read" },
    ...{ function: names.functionOf(event.site), object: names.objectAt(event.address) },
    before: before === undefined ? null : formatValue(before),
    after: after === undefined || !isWrite(kind) ? null : formatValue(after),
  };
}

/** Small values as numbers, large ones, which are addresses or bits, in hexadecimal. */
function formatValue(value: bigint): string {
  if (value >= 0xffff_0000n && value <= 0xffff_ffffn) return String(Number(value) - 2 ** 32);
  return value < 65_536n ? value.toString() : `0x${value.toString(16)}`;
}

function wordsOf({ address, size }: AccessEvent): number[] {
  const first = address >>> 2;
  const last = (address + Math.max(size, 1) - 1) >>> 2;
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function sharedWords(events: readonly AccessEvent[]): Set<number> {
  const cpus = new Map<number, number>();
  const written = new Set<number>();
  for (const event of events) {
    for (const word of wordsOf(event)) {
      cpus.set(word, (cpus.get(word) ?? 0) | (1 << event.cpu));
      if (isWrite(event.kind)) written.add(word);
    }
  }
  const isShared = (mask: number): boolean => (mask & (mask - 1)) !== 0;
  return new Set(
    [...cpus].filter(([word, mask]) => isShared(mask) && written.has(word)).map(([word]) => word),
  );
}
