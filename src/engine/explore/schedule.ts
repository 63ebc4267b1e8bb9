// A schedule as one short line: what it is of, a fingerprint of its code, and who ran for how many events.
//
//   bad-lock.ts@1f3c9a2e/a12b5a3      CPU 0 for 12 events, CPU 1 for 5, CPU 0 for 3
//
// The fingerprint changes with the code: events are counted, and mean nothing in other code.

import { createHash } from "node:crypto";
import { ConfigError } from "../../kernel/error.ts";
import type { Turn } from "./exploration.ts";
import { MAX_CPUS } from "./runtime.ts";

/** A schedule, and what it is a schedule of. */
export interface ScheduleLine {
  readonly subject: string;
  readonly fingerprint: string;
  readonly turns: readonly Turn[];
}

const WAY_OUT = "give the line that `racier explore` printed: FILE@FINGERPRINT/TURNS";

/** Eight digits that stand for a binary. */
export function fingerprintOf(wasm: Uint8Array): string {
  return createHash("sha256").update(wasm).digest("hex").slice(0, 8);
}

/** The line of a schedule. */
export function formatSchedule({ subject, fingerprint, turns }: ScheduleLine): string {
  const text = turns.map(({ cpu, steps }) => `${String.fromCharCode(97 + cpu)}${steps}`).join("");
  return `${subject}@${fingerprint}/${text}`;
}

/** Reads a line of formatSchedule(). Throws ConfigError. */
export function parseSchedule(line: string): ScheduleLine {
  const match = /^(.+)@([0-9a-f]{8})\/((?:[a-h][1-9][0-9]*)*)$/.exec(line.trim());
  if (match === null) throw new ConfigError(`"${line}" is no schedule: ${WAY_OUT}`);
  const [, subject = "", fingerprint = "", text = ""] = match;
  const turns = [...text.matchAll(/([a-h])(\d+)/g)].map(([, letter = "a", steps]) => ({
    cpu: letter.charCodeAt(0) - 97,
    steps: Number(steps),
  }));
  if (turns.some(({ steps }) => steps > 0xffff_ffff)) {
    throw new ConfigError(`"${line}" has a turn of too many events: ${WAY_OUT}`);
  }
  return { subject, fingerprint, turns };
}

/** Refuses a schedule of other code, or of more CPUs. Throws ConfigError. */
export function checkSchedule(schedule: ScheduleLine, fingerprint: string, cpus: number): void {
  const { subject } = schedule;
  if (schedule.fingerprint !== fingerprint) {
    throw new ConfigError(
      `the schedule is of ${subject} as it was (${schedule.fingerprint}), it is ${fingerprint} now: explore it again`,
    );
  }
  const highest = Math.max(-1, ...schedule.turns.map(({ cpu }) => cpu));
  if (highest >= Math.min(cpus, MAX_CPUS)) {
    throw new ConfigError(
      `the schedule has a turn of CPU ${highest}, and ${subject} has ${cpus} CPUs`,
    );
  }
}
