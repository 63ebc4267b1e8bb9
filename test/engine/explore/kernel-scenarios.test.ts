// The scenarios that come with racier: clean as the kernels are, broken without what each is for;
// and an execution leaves nothing behind.

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { KernelSubject } from "../../../src/engine/explore/kernel-subject.ts";
import { KERNELS } from "../../../src/kernel/catalogue.ts";
import { SCENARIOS } from "../../../src/scenario/catalogue.ts";
import { STRATEGIES, explorationWith, firstFailure, strategyNamed } from "./kernel-harness.ts";

const CLEAN_EXECUTIONS = 60;
/** Enough for each switch with a wide margin, by the seed that is used. */
const FINDING_EXECUTIONS = 20_000;

const cases = SCENARIOS.flatMap((scenario) =>
  scenario.kernels.map((kernel) => ({ scenario, kernel })),
);

const hashOf = (subject: KernelSubject): string => {
  const machine = subject.memory.u8.subarray(0, subject.config.lowmemPages * 4096);
  return createHash("sha256").update(machine).digest("hex");
};

describe.each(cases)("$scenario.name on $kernel", ({ scenario, kernel }) => {
  // A kernel that no build has would be compiled once more for it.
  const isBuilt = KERNELS.some(({ name }) => name === kernel);
  it.each([["checking", true] as const, ...(isBuilt ? [["release", false] as const] : [])])(
    "is clean in its %s build, and every execution puts the memory back",
    (_, checking) => {
      const subject = new KernelSubject(scenario, { kernel, checking });
      const exploration = explorationWith(subject);
      const before = hashOf(subject);
      for (const name of Object.keys(STRATEGIES)) {
        const found = firstFailure(
          exploration,
          strategyNamed(name, 1, subject.cpus),
          CLEAN_EXECUTIONS,
        );
        expect(found, name).toBeUndefined();
      }
      expect(hashOf(subject)).toBe(before);
    },
  );

  it.each(scenario.switches)("finds what is missing with %s", (name) => {
    const run = (): { found: unknown; turns: unknown } => {
      const subject = new KernelSubject(scenario, { kernel, without: [name] });
      const exploration = explorationWith(subject);
      const before = hashOf(subject);
      const found = firstFailure(
        exploration,
        strategyNamed("pct3", 1, subject.cpus),
        FINDING_EXECUTIONS,
      );
      expect(hashOf(subject)).toBe(before);
      return { found, turns: exploration.turns() };
    };
    const first = run();
    expect(first.found).toBeDefined();
    expect(run()).toEqual(first);
  });
});
