// Host code that is resumed by replay: what it must not do is reported with its place; what it may
// do works.

import { describe, expect, it } from "vitest";
import { KernelSubject } from "../../../src/engine/explore/kernel-subject.ts";
import { RandomWalk } from "../../../src/engine/explore/strategy/random.ts";
import { Task } from "../../../src/layout/structs.gen.ts";
import { getU32, setI32 } from "../../../src/layout/view.ts";
import { ConfigError } from "../../../src/kernel/error.ts";
import {
  expectEqual,
  type Scenario,
  type ScenarioProgram,
} from "../../../src/scenario/scenario.ts";
import { explorationOf, explorationWith, firstFailure } from "./kernel-harness.ts";

interface State {
  readonly at: number;
}

/** Two threads, each with a program, over two pages. */
function scenarioOf(...programs: ScenarioProgram<State>[]): Scenario {
  const scenario: Scenario<State> = {
    name: "test",
    title: "a scenario of a test",
    kernels: ["2.6.9"],
    switches: [],
    programs,
    setup(machine) {
      const first = machine.spawn(0);
      const second = machine.clone(first, 1);
      const at = machine.run(first, (task) => task.mmap({ length: 8192, read: true, write: true }));
      return { tasks: [first, second], state: { at } };
    },
  };
  return scenario as Scenario;
}

const store: ScenarioProgram<State> = (task, { at }) => {
  task.store32(at + 4096, 1);
};

/** Runs executions until one fails or throws. */
const explore = (...programs: ScenarioProgram<State>[]): ReturnType<typeof firstFailure> =>
  firstFailure(explorationOf(scenarioOf(...programs)), new RandomWalk(1), 300);

describe("host code that is run again", () => {
  it("may not do another call than before", () => {
    let runs = 0;
    const program: ScenarioProgram<State> = (task, { at }) => {
      task.store32(at + 4 * runs++, 1);
      task.store32(at, 1);
    };
    expect(() => explore(program, store)).toThrow(
      /CPU 0, run again, did (user_)?store32\(\d+, 1\) where it had done (user_)?store32.*kernel-replay\.test\.ts:\d+/,
    );
  });

  it("may not end earlier than before", () => {
    let runs = 0;
    const program: ScenarioProgram<State> = (task, { at }) => {
      if (runs++ === 0) task.store32(at, 1);
    };
    expect(() => explore(program, store)).toThrow(/run again, /);
  });

  it("may not swallow an exception that it does not know", () => {
    const program: ScenarioProgram<State> = (task, { at }) => {
      try {
        task.store32(at, 1);
      } catch {
        // wrong: it may be the explorer's
      }
    };
    expect(() => explore(program, store)).toThrow(/caught an exception that it does not know/);
  });

  it("may clean up in finally, and catch its own errors", () => {
    let cleaned = 0;
    const program: ScenarioProgram<State> = (task, { at }) => {
      try {
        task.store32(at, 1);
        throw new RangeError("its own");
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      } finally {
        cleaned++;
        expectEqual("the word", task.load32(at), 1);
      }
    };
    expect(explore(program, store)).toBeUndefined();
    expect(cleaned).toBeGreaterThan(300);
  });
});

describe("host accesses to memory", () => {
  it("are steps: two increments of one word get lost", () => {
    const address = { value: 0 };
    const increment: ScenarioProgram<State> = (task) => {
      setI32(task.cpu, address.value, getU32(task.cpu, address.value) + 1);
    };
    const scenario = scenarioOf(increment, increment);
    const counting: Scenario = {
      ...scenario,
      setup(machine) {
        const prepared = scenario.setup(machine);
        const [task] = prepared.tasks;
        address.value = (task?.address ?? 0) + Task.min_flt;
        return prepared;
      },
      check: (_, { tasks: [task] }) => {
        const count = task === undefined ? 0 : getU32(task.cpu, address.value);
        return count === 2 ? undefined : `counted ${count}`;
      },
    };
    const subject = new KernelSubject(counting);
    const exploration = explorationWith(subject, new Set(["data-race"]));
    const found = firstFailure(exploration, new RandomWalk(1), 100);
    expect(found?.failure).toEqual({
      detector: "check",
      rule: "check",
      message: "counted 1",
      cpu: -1,
    });
  });
});

describe("a scenario", () => {
  it("fails with what a program throws", () => {
    const program: ScenarioProgram<State> = (task) => {
      task.load32(4096);
    };
    const found = explore(program, store);
    expect(found).toMatchObject({ execution: 1, failure: { rule: "SIGSEGV", cpu: 0 } });
  });

  it("is refused on a kernel that it is not for", () => {
    expect(() => explorationOf(scenarioOf(store, store), { kernel: "2.6.8" })).toThrow(ConfigError);
  });
});
