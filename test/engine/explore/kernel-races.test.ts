// Data races of the kernels: none that is not meant to be as they are, and the ones that two switches make.

import { describe, expect, it } from "vitest";
import type { Off } from "../../../src/engine/explore/detect/catalogue.ts";
import { hostFunction, hostSite } from "../../../src/engine/explore/host-sites.ts";
import { kernelNames } from "../../../src/engine/explore/kernel-names.ts";
import { KernelSubject } from "../../../src/engine/explore/kernel-subject.ts";
import { Bounded } from "../../../src/engine/explore/strategy/bounded.ts";
import { Pct } from "../../../src/engine/explore/strategy/pct.ts";
import { RandomWalk } from "../../../src/engine/explore/strategy/random.ts";
import type { Strategy } from "../../../src/engine/explore/strategy/strategy.ts";
import { MEM_MAP, Page } from "../../../src/layout/structs.gen.ts";
import { runExplore, runReplay } from "../../../src/experiment/explore.ts";
import { SCENARIOS, scenarioNamed } from "../../../src/scenario/catalogue.ts";
import type { SwitchName } from "../../../src/scenario/switches.ts";
import { explorationWith, firstFailure } from "./kernel-harness.ts";

/** Of these each eighth is looked at. */
const EXECUTIONS = 160;
const NOTHING: Off = new Set();
const RACES: Off = new Set(["data-race"]);

const cases = SCENARIOS.flatMap((scenario) =>
  scenario.kernels.map((kernel) => ({ scenario, kernel })),
);

const strategies = ({ cpus, runtime }: KernelSubject): Strategy[] => [
  ...[new RandomWalk(11), new Pct(12, cpus, 2), new Pct(13, cpus, 4)],
  new Bounded(runtime, "delays", 1),
];

function search(name: string, kernel: string, without: readonly SwitchName[], off: Off): unknown {
  const subject = new KernelSubject(scenarioNamed(name), { kernel, without, off });
  return firstFailure(explorationWith(subject, off), new Pct(1, subject.cpus, 3), 400)?.failure;
}

describe("a kernel as it is", () => {
  it.each(cases)("$kernel has no data race in $scenario.name", ({ scenario, kernel }) => {
    const subject = new KernelSubject(scenario, { kernel });
    const exploration = explorationWith(subject);
    for (const strategy of strategies(subject)) {
      expect(firstFailure(exploration, strategy, EXECUTIONS), strategy.name).toBeUndefined();
    }
  });
});

describe("a kernel without a measure", () => {
  const functions = String.raw`\S+ on CPU \d and \S+ on CPU \d, nothing orders them$`;

  it.each(["2.6.9", "2.6.8"])("%s with a plain mapcount has a data race on it", (kernel) => {
    const message = expect.stringMatching(
      new RegExp(String.raw`^page\[\d+\]\._mapcount: ${functions}`),
    ) as string;
    const race = { detector: "data-race", rule: "data race", message };
    expect(search("cow-unmap", kernel, ["plain-mapcount"], NOTHING)).toMatchObject(race);
  });

  it("2.6.8: only the data races tell that a bit lock is freed by a plain store", () => {
    const without = ["plain-bit-unlock"] as const;
    const message = expect.stringMatching(
      new RegExp(String.raw`^page\[\d+\]\.(flags|_mapcount): ${functions}`),
    ) as string;
    expect(search("fork-unmap", "2.6.8", without, NOTHING)).toMatchObject({ message });
    expect(search("fork-unmap", "2.6.8", without, RACES)).toBeUndefined();
  });
});

it("a data race is shrunk, drawn with both accesses, and replayed", async () => {
  const document = await runExplore({
    ...{ subject: "fork-unmap", without: ["plain-bit-unlock"], off: NOTHING },
    ...{ strategy: "pct", seed: 1, depth: 3, seconds: 60, executions: 400 },
    workers: 1,
  });
  const { failure } = document;

  expect(failure?.rule).toBe("data race");
  expect(failure?.shrunk.turns).toBeLessThanOrEqual(failure?.found.turns ?? 0);
  const [object = "", first = "", second = ""] =
    /^(\S+): (\S+) on CPU \d and (\S+) on CPU/.exec(failure?.message ?? "")?.slice(1) ?? [];
  const drawn = failure?.steps.filter((step) => step.object === object) ?? [];
  expect(drawn.map((step) => step.function)).toEqual(expect.arrayContaining([first, second]));

  const again = await runReplay(failure?.schedule ?? "", NOTHING);
  expect(again.failure?.message).toBe(failure?.message);
  const passedOver = await runReplay(failure?.schedule ?? "", RACES);
  expect(passedOver.failure).toBeNull();
});

describe("names in a report", () => {
  it("host code is called after the call that it is busy with", () => {
    expect(hostFunction(hostSite("munmap"))).toBe("host munmap");
    expect(hostFunction(hostSite())).toBe("host");
    expect(hostFunction(0)).toBeUndefined();
  });

  it("accesses of host code are told apart by it in the log", () => {
    const subject = new KernelSubject(scenarioNamed("cow-unmap"));
    const exploration = explorationWith(subject);
    const seen = new Set<string | undefined>();
    exploration.execute(new Bounded(subject.runtime, "preemptions", 0), () => {
      const { log } = exploration;
      for (let i = 0; i < log.length; i++) seen.add(hostFunction(log.site(i)));
    });
    expect([...seen]).toEqual(expect.arrayContaining(["host munmap", undefined]));
  });

  it("fields that are marked atomic are known by their address", () => {
    const subject = new KernelSubject(scenarioNamed("cow-unmap"));
    const names = kernelNames(subject.config, subject.memory);
    expect(names.isAtomicField(MEM_MAP + 50 * Page.SIZE + Page.flags)).toBe(true);
    expect(names.isAtomicField(MEM_MAP + 50 * Page.SIZE + Page.index)).toBe(false);
  });
});
