// A kernel that once was, and was wrong: with one patch of a series, before the one that mends it, a scenario breaks with
// nothing switched off; with the next patch nothing breaks.

import { describe, expect, it } from "vitest";
import { KernelSubject } from "../../../src/engine/explore/kernel-subject.ts";
import { Bounded } from "../../../src/engine/explore/strategy/bounded.ts";
import { scenarioNamed } from "../../../src/scenario/catalogue.ts";
import { explorationWith, firstFailure } from "./kernel-harness.ts";

interface Series {
  readonly scenario: string;
  readonly before: string;
  readonly after: string;
  readonly rule: string;
}

const SERIES: readonly Series[] = [
  {
    scenario: "page-referenced",
    before: "2.6.8+anon-in-mapping+kill-page-map-lock",
    after: "2.6.8+anon-in-mapping+kill-page-map-lock+typesafe-slab",
    rule: "use after free",
  },
  {
    scenario: "get-task-mm",
    before: "mmn-v13",
    after: "mmn-v13+get-task-mm",
    // The driver walks along VMAs that exit frees.
    rule: "data race",
  },
];

/** What 600 executions within one preemption, and then within two, break. */
function broken(name: string, kernel: string): string | undefined {
  const subject = new KernelSubject(scenarioNamed(name), { kernel });
  const exploration = explorationWith(subject);
  for (const bound of [1, 2]) {
    const strategy = new Bounded(subject.runtime, "preemptions", bound);
    const found = firstFailure(exploration, strategy, 600);
    if (found !== undefined) return found.failure.rule;
  }
  return undefined;
}

describe.each(SERIES)("$scenario", ({ scenario, before, after, rule }) => {
  it(`breaks on ${before}`, () => {
    expect(broken(scenario, before)).toBe(rule);
  });

  it(`is right on ${after}`, () => {
    expect(broken(scenario, after)).toBeUndefined();
  });
});
