// The steps of an execution, and which of them matter: accesses to words that several CPUs touch and one of
// them writes, and the last accesses before each switch and before the end.

import type { AccessLog } from "../engine/explore/access-log.ts";
import { Kind, MAX_CPUS, isWrite } from "../engine/explore/runtime.ts";
import { countCpus } from "../engine/explore/strategy/strategy.ts";
import type { Names } from "../engine/explore/names.ts";
import type { ExploreStep } from "./explore-document.ts";
import { HeldLocks } from "./explore-locks.ts";

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
  [Kind.writeOnce]: "store",
};

/** A step, and what only a timeline tells of it. */
export interface MarkedStep {
  readonly step: ExploreStep;
  /** A diagram shows it. */
  readonly matters: boolean;
  /** Locks that each CPU holds after it. */
  readonly held: readonly (readonly string[])[];
}

/** Steps that matter of an execution whose values were recorded. */
export function stepsOf(log: AccessLog, names: Names): ExploreStep[] {
  const steps: ExploreStep[] = [];
  let isSwitch = false;
  for (const { step, matters } of allStepsOf(log, names)) {
    isSwitch ||= step.isSwitch;
    if (!matters) continue;
    steps.push({ ...step, isSwitch });
    isSwitch = false;
  }
  return steps;
}

/** Every step of an execution whose values were recorded. */
export function allStepsOf(log: AccessLog, names: Names): MarkedStep[] {
  const shared = sharedWords(log);
  const held = new HeldLocks(MAX_CPUS);
  return Array.from({ length: log.length }, (_, event) => {
    const access = describe(log, event, names);
    const isSwitch = event > 0 && log.cpu(event) !== log.cpu(event - 1);
    const step = { event: event + 1, ...access, locks: held.of(access.cpu), isSwitch };
    if (names.isKernel) seeLocks(held, log, event, access);
    const matters = touches(log, event, shared) || isNearSwitch(log, event);
    return { step, matters, held: held.ofAll() };
  });
}

/** Accesses before a switch that are shown whatever they touch. */
const BEFORE_SWITCH = 5;

/** True shortly before another CPU goes on, and before the end. */
function isNearSwitch(log: AccessLog, event: number): boolean {
  for (let next = event + 1; next <= event + BEFORE_SWITCH; next++) {
    if (next >= log.length || log.cpu(next) !== log.cpu(event)) return true;
  }
  return false;
}

type Access = Omit<ExploreStep, "event" | "isSwitch" | "locks">;

function describe(log: AccessLog, event: number, names: Names): Access {
  const kind = log.kind(event);
  const before = log.before(event);
  const after = isWrite(kind) ? log.after(event) : undefined;
  return {
    ...{ cpu: log.cpu(event), kind: KIND_NAMES[kind] ?? "read" },
    function: names.functionOf(log.site(event)),
    object: names.objectAt(log.address(event)),
    before: before === undefined ? null : formatValue(before),
    after: after === undefined ? null : formatValue(after),
  };
}

function seeLocks(held: HeldLocks, log: AccessLog, event: number, access: Access): void {
  const [before, after] = [log.before(event), log.after(event)];
  if (!isWrite(log.kind(event)) || before === undefined || after === undefined) return;
  held.see({ ...access, before, after });
}

/** Small values as numbers, large ones, which are addresses or bits, in hexadecimal. */
export function formatValue(value: bigint): string {
  if (value >= 0xffff_0000n && value <= 0xffff_ffffn) return String(Number(value) - 2 ** 32);
  return value < 65_536n ? value.toString() : `0x${value.toString(16)}`;
}

function touches(log: AccessLog, event: number, words: ReadonlySet<number>): boolean {
  for (let word = log.firstWord(event); word <= log.lastWord(event); word++) {
    if (words.has(word)) return true;
  }
  return false;
}

/** Words that several CPUs touch and one of them writes. */
function sharedWords(log: AccessLog): Set<number> {
  const cpus = new Map<number, number>();
  const written = new Set<number>();
  for (let event = 0; event < log.length; event++) {
    for (let word = log.firstWord(event); word <= log.lastWord(event); word++) {
      cpus.set(word, (cpus.get(word) ?? 0) | (1 << log.cpu(event)));
      if (isWrite(log.kind(event))) written.add(word);
    }
  }
  const isShared = (word: number): boolean => countCpus(cpus.get(word) ?? 0) > 1;
  return new Set([...written].filter(isShared));
}
