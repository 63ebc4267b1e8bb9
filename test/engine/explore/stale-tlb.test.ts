// Accesses through TLB entries that have been revoked: each operation that revokes is caught without its
// shootdown, at the access, when nothing else looks; with it, and while it is in flight, all is well.

import { describe, expect, it } from "vitest";
import { DETECTORS, type DetectorName } from "../../../src/engine/explore/detect/catalogue.ts";
import { Exploration } from "../../../src/engine/explore/exploration.ts";
import { KernelSubject } from "../../../src/engine/explore/kernel-subject.ts";
import { MachineSignal } from "../../../src/kernel/error.ts";
import type { ProgramTask } from "../../../src/machine/task.ts";
import { scenarioNamed } from "../../../src/scenario/catalogue.ts";
import { PAGE, twoThreads, type Scenario } from "../../../src/scenario/scenario.ts";
import type { SwitchName } from "../../../src/scenario/switches.ts";
import { STRATEGIES, firstFailure, strategyNamed } from "./kernel-harness.ts";

const ENOUGH = 300;

/** One thread does `revoke` with a page that the other has written, and accesses again. */
function scenarioOf(
  revoke: (task: ProgramTask, at: number) => void,
  access: (task: ProgramTask, at: number) => void,
): Scenario {
  const scenario: Scenario<number> = {
    ...{ name: "revoke", title: "revoke", kernels: ["2.6.9", "2.6.8"], switches: [] },
    children: { nothing: () => undefined },
    programs: [
      revoke,
      (task, at) => {
        try {
          access(task, at);
        } catch (error) {
          if (!(error instanceof MachineSignal)) throw error;
        }
      },
    ],
    setup(machine) {
      const { first, second, at } = twoThreads(machine, 1);
      machine.run(second, (task) => {
        task.store32(at, 1);
      });
      return { tasks: [first, second], state: at };
    },
  };
  return scenario as Scenario;
}

const load = (task: ProgramTask, at: number): void => {
  task.load32(at);
};
const store = (task: ProgramTask, at: number): void => {
  task.store32(at, 2);
};

const REVOKERS: Readonly<Record<string, Scenario>> = {
  munmap: scenarioOf((task, at) => {
    task.munmap(at, PAGE);
  }, load),
  madviseDontneed: scenarioOf((task, at) => {
    task.madviseDontneed(at, PAGE);
  }, load),
  mremap: scenarioOf((task, at) => {
    task.mremap(at, PAGE, PAGE, { fixedAt: at + 16 * PAGE });
  }, load),
  mmap: scenarioOf((task, at) => {
    task.mmap({ length: PAGE, read: true, write: true, hint: at, fixed: true });
  }, store),
  mprotect: scenarioOf((task, at) => {
    task.mprotect(at, PAGE, { read: true });
  }, store),
  fork: scenarioOf((task) => {
    task.fork("nothing");
    task.wait();
  }, store),
};

function find(
  scenario: Scenario,
  kernel: string,
  without: readonly SwitchName[],
  strategy: string,
): ReturnType<typeof firstFailure> {
  const names = Object.keys(DETECTORS) as DetectorName[];
  const off = new Set(names.filter((name) => name !== "stale-tlb"));
  const subject = new KernelSubject(scenario, { kernel, without, off });
  const exploration = new Exploration(subject.runtime, subject, subject.explain, [], off);
  return firstFailure(exploration, strategyNamed(strategy, 1), ENOUGH);
}

/** Messages of those that say who revoked: which of the two rules an execution breaks depends on the moment. */
const revoked = (what: string): RegExp =>
  new RegExp(
    `^CPU 1 (loads from|stores to) 0x2aaaaaaab000 through an entry that ${what} on CPU 0 revoked \\(returned at event \\d+\\)$`,
  );
const IN_FLIGHT =
  /^CPU 1 (loads from|stores to) 0x2aaaaaaab000 through an entry that is being revoked, and its frame 0x[0-9a-f]+ (is free|has another owner)$/;
/** What the shadow says, which looks at frames that are free. */
const FREE = /^frame\[\d+\]\+0x0 (read|written) by CPU 1 in user_(load|store)32/;

describe.each(["2.6.9", "2.6.8"])("kernel %s", (kernel) => {
  describe.each(Object.entries(REVOKERS))("%s", (name, scenario) => {
    it("without its shootdown is caught", () => {
      const failure = find(scenario, kernel, ["no-shootdown"], "pct3")?.failure;
      expect(failure).toMatchObject({ detector: "stale-tlb", rule: "stale TLB", cpu: 1 });
      const message = failure?.message ?? "";
      const rules = [revoked(name), IN_FLIGHT, FREE];
      expect(
        rules.some((rule) => rule.test(message)),
        message,
      ).toBe(true);
    });

    it("as it is, is not", () => {
      for (const strategy of Object.keys(STRATEGIES)) {
        expect(find(scenario, kernel, [], strategy), strategy).toBeUndefined();
      }
    });
  });

  it("says who revoked, where the operation had returned", () => {
    const failure = find(REVOKERS["mprotect"] as Scenario, kernel, ["no-shootdown"], "pct3");
    expect(failure?.failure.message).toMatch(revoked("mprotect"));
  });

  it("a frame that is free while its entry is being revoked is caught", () => {
    const scenario = scenarioNamed("unmap-access");
    const failure = find(scenario, kernel, ["no-flush-before-free"], "pct3")?.failure;
    expect(failure?.message).toMatch(IN_FLIGHT);
  });
});
