// What the explorer looks for, by the names that --off takes. Each finding belongs to one of them.

import { ConfigError } from "../../../kernel/error.ts";

/** Names, and what each stands for. */
export const DETECTORS = {
  assertion: "an assert of a program that does not hold",
  check: "a result that check() of a program or of a scenario finds wrong",
  bug: "the kernel stops the machine: BUG_...",
  "lock-order": "locks of the kernel that nest in two orders, or are misused: BUG_LOCK...",
  trap: "any other trap, signal or exception",
  deadlock: "CPUs that wait for nobody, lost wake-ups among them",
  livelock: "an execution that does not come to an end",
  "out-of-bounds": "an access beyond the end of memory, or of the kernel beyond its object",
  "use-after-free": "an access of the kernel to a frame or an object that is free",
  "stale-tlb":
    "an access of a program through a revoked TLB entry, or to a frame that is free or of others",
  "wrong-data": "a load that returns what no store put there; a store that is lost in the end",
  "data-race":
    "two accesses to a byte, one a write and one not marked as meant, that nothing orders",
  invariant: "a rule of the kernel that does not hold when all CPUs are idle: I-..., leaks",
} as const;

/** Name of a detector. */
export type DetectorName = keyof typeof DETECTORS;

/** Detectors that are switched off. */
export type Off = ReadonlySet<DetectorName>;

/** None. */
export const NOTHING_OFF: Off = new Set();

/** Reads "data-race,deadlock". Throws ConfigError. */
export function parseOff(text: string): Off {
  return new Set(text.split(",").map(detectorNamed));
}

function detectorNamed(name: string): DetectorName {
  if (Object.hasOwn(DETECTORS, name)) return name as DetectorName;
  const known = Object.keys(DETECTORS).join(", ");
  throw new ConfigError(`there is no detector "${name}": there are ${known}`);
}
