// A search without threads and without a clock: jobs are taken by several hands, run in any order, broken
// off anywhere, and the books may be written down and read again between any two of them.

import fc from "fast-check";
import { Slicer } from "../../../src/engine/explore/slice.ts";
import type { CompiledProgram } from "../../../src/engine/explore/source-program.ts";
import {
  Ledger,
  type Counts,
  type Job,
  type Outcome,
  type WrittenLedger,
} from "../../../src/experiment/explore-ledger.ts";
import { planOf, type PlanOptions } from "../../../src/experiment/explore-plan.ts";
import { explorationOf } from "../../support/explored.ts";

/** What is searched, and how. */
export interface Task extends Omit<PlanOptions, "isProgram"> {
  /** Executions, at most. */
  readonly budget: number;
}

/** What must not depend on who did what. */
export interface Books {
  readonly counts: Counts;
  readonly shown: string | null;
  readonly outcome: Outcome | null;
}

/** Chance decides what happens next. */
export interface Disorder {
  /** Who wants to work. */
  readonly hands: number;
  readonly seed: number;
  /** Now and then the books are written down and read, and what was running is lost. */
  readonly forgets: boolean;
}

/** Nothing out of the way: one hand, every job to its end. */
export const IN_ORDER: Disorder = { hands: 1, seed: 0, forgets: false };

/** Any disorder. */
export const disorder = (forgets: boolean): fc.Arbitrary<Disorder> =>
  fc.record({
    hands: fc.integer({ min: 1, max: 6 }),
    seed: fc.nat(),
    forgets: fc.constant(forgets),
  });

/** A machine for searches of a program. */
export const slicerOf = (program: CompiledProgram): Slicer =>
  new Slicer(explorationOf(program), false);

/** Searches to the end. */
export function search(slicer: Slicer, task: Task, { hands, seed, forgets }: Disorder): Books {
  const plan = (): Iterator<ReturnType<typeof planOf> extends Generator<infer P> ? P : never> =>
    planOf({ ...task, isProgram: true });
  let ledger = new Ledger(plan(), task.budget);
  let jobs: Job[] = [];
  let random = seed;
  const roll = (): number => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    return (random >>> 16) % 100;
  };
  while (ledger.outcome === null) {
    while (jobs.length < hands) {
      const job = ledger.take(hands);
      if (job === undefined) break;
      jobs.push(job);
    }
    const [job] = jobs.splice(roll() % jobs.length, 1) as [Job];
    const slice = slicer.start(job.work, job.limit);
    const isPatient = seed === 0 || roll() >= 50;
    let goesOn = true;
    for (let step = 0; goesOn && (isPatient || step < 3); step++) goesOn = slice.step(0);
    ledger.give(job.id, slice.result(goesOn));
    if (!forgets || roll() >= 20) continue;
    const written = JSON.parse(JSON.stringify(ledger.write())) as WrittenLedger;
    ledger = new Ledger(plan(), task.budget, written);
    jobs = [];
  }
  const { counts, shown, outcome } = ledger;
  return { counts, shown, outcome };
}
