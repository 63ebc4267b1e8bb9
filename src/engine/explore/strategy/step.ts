// An event as a step that could have been taken at another time: what it touches, and whether it commutes
// with others.

import type { AccessLog } from "../access-log.ts";
import { Kind, isWrite, type Runtime } from "../runtime.ts";

/** The next event of a CPU, as it was when it was seen. */
export interface Step {
  readonly cpu: number;
  readonly meta: number;
  readonly address: number;
  readonly size: number;
}

const GRANULE = ~3;

/** True when the order of two steps of different CPUs matters: both touch four bytes, and one writes. */
export function isDependent(a: Step, b: Step): boolean {
  if (!isWrite(a.meta & 15) && !isWrite(b.meta & 15)) return false;
  const endA = (a.address + a.size + 3) & GRANULE;
  const endB = (b.address + b.size + 3) & GRANULE;
  return (a.address & GRANULE) < endB && (b.address & GRANULE) < endA;
}

/** The step that an event was. */
export function stepOf(log: AccessLog, event: number): Step {
  return {
    cpu: log.cpu(event),
    meta: log.meta(event),
    address: log.address(event),
    size: log.size(event),
  };
}

/**
 * True for the second event of a step that has two: a copy reads and writes, a wait that ends with an
 * interrupt looks at two words. No other CPU comes in between.
 */
export function isSecondHalf(log: AccessLog, event: number): boolean {
  if (event === 0 || log.cpu(event) !== log.cpu(event - 1)) return false;
  const kind = log.kind(event);
  if (kind !== Kind.bulkWrite && kind !== Kind.atomicLoad) return false;
  const first = kind === Kind.bulkWrite ? Kind.bulkRead : Kind.wait;
  return log.kind(event - 1) === first && log.site(event) === log.site(event - 1);
}

/** True for the first event of a step that has two. */
export const isFirstHalf = (log: AccessLog, event: number): boolean =>
  event + 1 < log.length && isSecondHalf(log, event + 1);

/** Lets the CPU of a step sleep until another does something that does not commute with it. */
export function putToSleep({ calls }: Runtime, { cpu, meta, address, size }: Step): void {
  calls.put_to_sleep(cpu, meta, address, size);
}
