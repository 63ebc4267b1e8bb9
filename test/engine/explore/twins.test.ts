// Each exhibit of the hall and its twin. Without the measure: the search finds the race, and the line of
// its schedule breaks the same rule again. With it: the same turns break nothing, and the kernel is
// explored until nothing is left within a bound.

import { describe, expect, test } from "vitest";
import { KernelSubject } from "../../../src/engine/explore/kernel-subject.ts";
import { parseSchedule } from "../../../src/engine/explore/schedule.ts";
import { Bounded } from "../../../src/engine/explore/strategy/bounded.ts";
import { Replay } from "../../../src/engine/explore/strategy/replay.ts";
import { NOTHING_OFF, runExplore, runReplay } from "../../../src/experiment/explore.ts";
import { SCENARIOS } from "../../../src/scenario/catalogue.ts";
import { explorationWith } from "./kernel-harness.ts";

/** Scenarios that have too many interleavings with two preemptions for a test. */
const WIDE = [
  "map-fault",
  "first-touch",
  "cow-threads",
  "same-page",
  "fork-store",
  "release-truncate",
  "counted-anon-vma",
  "swapoff-fault",
  "swapoff-reuse",
];
/** Preemptions within which every interleaving is walked. */
const boundOf = ({ name, programs }: (typeof SCENARIOS)[number]): number => {
  if (programs.length === 1) return 0;
  return WIDE.includes(name) ? 1 : 2;
};
/** Executions that each broken kernel is given: it takes a tenth of that. */
const ENOUGH = 4000;

const cases = SCENARIOS.flatMap((scenario) =>
  scenario.kernels.map((kernel) => ({ scenario, kernel })),
);

describe.each(cases)("$scenario.name on $kernel", ({ scenario, kernel }) => {
  test("as it is, no interleaving within the bound breaks a rule", () => {
    const subject = new KernelSubject(scenario, { kernel });
    const exploration = explorationWith(subject);
    const bound = boundOf(scenario);
    const strategy = new Bounded(subject.runtime, "preemptions", bound, true);

    for (;;) {
      const outcome = exploration.execute(strategy);
      if (outcome === undefined) break;
      if (outcome.failure !== undefined) expect.fail(JSON.stringify(outcome.failure));
    }

    expect(strategy.bound).toBe(bound);
    const limit = bound === 0 ? "" : ` with at most ${bound} preemption${bound === 1 ? "" : "s"}`;
    expect(strategy.completeness).toBe(`every interleaving${limit}`);
  });

  test.each(scenario.switches)("%s: found, replayed, and gone with the measure", async (name) => {
    const { failure } = await runExplore({
      ...{ subject: scenario.name, kernel, without: [name], off: NOTHING_OFF },
      ...{ strategy: "preemptions", depth: 2, seed: 1, seconds: Infinity, executions: ENOUGH },
      workers: 1,
    });
    if (failure === null) return expect.fail("the race was not found");

    const again = await runReplay(failure.schedule, NOTHING_OFF);
    expect(again.failure?.rule).toBe(failure.rule);
    expect(again.failure?.message).toBe(failure.message);

    const whole = explorationWith(new KernelSubject(scenario, { kernel }));
    const outcome = whole.execute(new Replay(parseSchedule(failure.schedule).turns));
    expect(outcome?.failure).toBeUndefined();
  });
});
