// Makes a failing schedule simpler: fewer turns, then fewer events, while the same rule breaks.
// Greedy: a turn is left out, or runs on until it ends by itself, and what remains is tried; as long as
// that makes it simpler. (Delta debugging would try halves first; schedules that were found with few
// preemptions are too short for that to pay.)

import type { Exploration, Failure, Outcome, Turn } from "./exploration.ts";
import { UNLIMITED } from "./runtime.ts";
import { Replay } from "./strategy/replay.ts";

/** A schedule, and what it breaks. */
export interface FailingSchedule {
  readonly turns: readonly Turn[];
  readonly events: number;
  readonly failure: Failure;
}

/** Runs a schedule; undefined unless it fails. */
export function failureOf(
  exploration: Exploration,
  turns: readonly Turn[],
): FailingSchedule | undefined {
  const outcome = exploration.execute(new Replay(turns));
  return outcome === undefined ? undefined : failingSchedule(exploration, outcome);
}

/** The schedule of the execution that ran last; undefined unless it failed. */
export function failingSchedule(
  exploration: Exploration,
  { failure, events }: Outcome,
): FailingSchedule | undefined {
  return failure === undefined ? undefined : { turns: exploration.turns(), events, failure };
}

function isSimpler(a: FailingSchedule, b: FailingSchedule): boolean {
  if (a.turns.length !== b.turns.length) return a.turns.length < b.turns.length;
  return a.events < b.events;
}

function* simplifications(turns: readonly Turn[]): Generator<Turn[]> {
  for (let i = turns.length - 1; i >= 0; i--) yield turns.filter((_, k) => k !== i);
  for (let i = 0; i < turns.length; i++) {
    const turn = turns[i] as Turn;
    yield turns.map((each, k) => (k === i ? { ...turn, steps: UNLIMITED } : each));
    yield turns.map((each, k) => (k === i ? { ...turn, steps: turn.steps - 1 } : each));
    const next = turns[i + 1];
    if (next !== undefined) yield [...turns.slice(0, i), next, turn, ...turns.slice(i + 2)];
  }
}

/** The simplest schedule that is found within `tries` executions. */
export function shrink(
  exploration: Exploration,
  failing: FailingSchedule,
  tries = 2000,
): FailingSchedule {
  let best = failing;
  let left = tries;
  for (let wasBetter = true; wasBetter;) {
    wasBetter = false;
    for (const turns of simplifications(best.turns)) {
      if (left-- <= 0) return best;
      const found = failureOf(
        exploration,
        turns.filter(({ steps }) => steps > 0),
      );
      if (found?.failure.rule !== failing.failure.rule || !isSimpler(found, best)) continue;
      best = found;
      wasBetter = true;
      break;
    }
  }
  return best;
}
