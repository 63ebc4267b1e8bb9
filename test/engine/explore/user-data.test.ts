// Wrong data and lost stores over the real kernel: found when a kernel is broken on purpose, and nothing
// else looks; silent on the whole kernel, whatever programs do beside each other.

import { describe, expect, it } from "vitest";
import { Exploration } from "../../../src/engine/explore/exploration.ts";
import { KernelSubject } from "../../../src/engine/explore/kernel-subject.ts";
import { DETECTORS, type DetectorName } from "../../../src/engine/explore/detect/catalogue.ts";
import { scenarioNamed } from "../../../src/scenario/catalogue.ts";
import { type Scenario } from "../../../src/scenario/scenario.ts";
import type { SwitchName } from "../../../src/scenario/switches.ts";
import { setI32 } from "../../../src/layout/view.ts";
import { STRATEGIES, explorationWith, firstFailure, strategyNamed } from "./kernel-harness.ts";
import { MIXES, misbehaving } from "./user-scenarios.ts";

const ENOUGH = 300;
const CLEAN = 120;

/** Everything but one detector is off. */
function only(detector: DetectorName): ReadonlySet<DetectorName> {
  const names = Object.keys(DETECTORS) as DetectorName[];
  return new Set(names.filter((name) => name !== detector));
}

function find(
  scenario: Scenario,
  kernel: string,
  name: SwitchName,
): ReturnType<typeof firstFailure> {
  const off = only("wrong-data");
  const subject = new KernelSubject(scenario, { kernel, without: [name], off });
  const exploration = new Exploration(subject.runtime, subject, subject.explain, [], off);
  return firstFailure(exploration, strategyNamed("pct3", 1), ENOUGH);
}

const BROKEN: readonly (readonly [string, SwitchName, string, RegExp])[] = [
  [
    "same-page",
    "no-pte-same",
    "lost store",
    /^0x2aaaaaaa[bc]00[04] holds 0x0, the last store put 0x[1-4] there \(CPU [01], event \d+\)$/,
  ],
  [
    "unmap-access",
    "no-flush-before-free",
    "wrong data",
    /^CPU 1 loads 0x6b6b6b6b at 0x2aaaaaaab000, the last store put 0x1d there \(CPU 1, (in setup|event \d+)\)$/,
  ],
  [
    "unmap-access",
    "no-shootdown",
    "wrong data",
    /^CPU 1 (load|store)s 0x[0-9a-f]+ at 0x2aaaaaaab000, (where nothing is mapped|the last store put 0x1d there .*)$/,
  ],
  [
    "fork-store",
    "no-write-protect",
    "wrong data",
    /^CPU 0 loads 0x[23] at 0x2aaaaaaab000, the last store put 0x[0-9a-f]+ there \(CPU 1, (in setup|event \d+)\)$/,
  ],
  ["fork-store", "no-shootdown", "wrong data", /^CPU 0 loads 0x[23] at 0x2aaaaaaab000, the last/],
];

describe.each(["2.6.9", "2.6.8"])("kernel %s", (kernel) => {
  it.each(BROKEN)("%s without %s: %s", (scenario, name, rule, message) => {
    const failure = find(scenarioNamed(scenario), kernel, name)?.failure;
    expect(failure).toMatchObject({ detector: "wrong-data", rule });
    expect(failure?.message).toMatch(message);
  });

  it.each(Object.keys(MIXES))("is silent: %s", (mix) => {
    const subject = new KernelSubject(MIXES[mix] as Scenario, { kernel });
    const exploration = explorationWith(subject);
    for (const name of Object.keys(STRATEGIES)) {
      expect(firstFailure(exploration, strategyNamed(name, 5), CLEAN), name).toBeUndefined();
    }
  });
});

describe("a byte that changes by itself", () => {
  const scenario = misbehaving((task, at) => {
    const page = task.cpu.k.read_cache_page(at, 0);
    const frame = task.cpu.k.page_content(page) >>> 0;
    task.cpu.k.put_page(page);
    setI32(task.cpu, frame, 99);
  });

  it("is a lost store at the end, although nobody looks", () => {
    const found = firstFailure(
      explorationWith(new KernelSubject(scenario)),
      strategyNamed("random", 1),
      1,
    );
    expect(found?.failure).toMatchObject({ detector: "wrong-data", rule: "lost store" });
    expect(found?.failure.message).toMatch(
      / holds 0x63, the last store put 0x5 there \(CPU 0, in setup\)$/,
    );
  });

  it("is nothing when the detector is off", () => {
    const subject = new KernelSubject(scenario, { off: new Set(["wrong-data"]) });
    const found = firstFailure(explorationWith(subject), strategyNamed("random", 1), 1);
    expect(found).toBeUndefined();
  });
});
