// What the explorer looks for, by the names that --off takes. Each finding belongs to one of them.

import { ConfigError } from "../../../kernel/error.ts";

/** Names, and what each stands for. */
export const DETECTORS = {
  assertion: "an assert of a program that does not hold",
  check: "a result that check() of a program or of a scenario finds wrong",
  bug: "the kernel stops the machine: BUG_...",
  trap: "any other trap, signal or exception",
  deadlock: "CPUs that wait for nobody, lost wake-ups among them",
  livelock: "an execution that does not come to an end",
  "out-of-bounds": "an access beyond the end of memory",
  "data-race": "two accesses, one a write and one plain, that nothing orders",
  "wrong-data": "a load that returns what no store put there; a store that is lost in the end",
  "stale-tlb": "an access through a TLB entry that has been revoked, or to a frame of others",
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
