// The explorer on one core. Asks: how many executions a second does it run of a racy counter, of a counter
// under a test-and-set lock, and of scenarios over the kernel, under PCT of depth 3 and under a uniform walk?
// Not asked here: how soon a race is found; several cores; other tools (their figures: docs/explorer.md).

import { WorkHash, begin, printResult, sized, takeTurns } from "./harness.ts";
import type { Line } from "./harness.ts";
import { Exploration } from "../src/engine/explore/exploration.ts";
import { KernelSubject } from "../src/engine/explore/kernel-subject.ts";
import {
  SourceProgram,
  compileSource,
  explainProgram,
} from "../src/engine/explore/source-program.ts";
import { Pct } from "../src/engine/explore/strategy/pct.ts";
import { RandomWalk } from "../src/engine/explore/strategy/random.ts";
import type { Strategy } from "../src/engine/explore/strategy/strategy.ts";
import { scenarioNamed } from "../src/scenario/catalogue.ts";

const ROUNDS = sized(2, 20);
const PROGRAM_EXECUTIONS = sized(20, 20_000);
const KERNEL_EXECUTIONS = sized(3, 500);
const INCREMENTS = 5;

const RACY = "atomic.store<i32>(2048, atomic.load<i32>(2048) + 1);";
const LOCKED =
  "while (atomic.xchg<i32>(2048, 1) != 0) {} counter = counter + 1; atomic.store<i32>(2048, 0);";

function source(step: string, cpus: number): string {
  const programs = Array.from(
    { length: cpus },
    (_, cpu) => `export function cpu${cpu}(): void { work(); }`,
  );
  const work = `function work(): void { for (let i = 0; i < ${INCREMENTS}; i++) { ${step} } }`;
  return ["let counter: i32 = 0;", work, ...programs].join("\n");
}

async function programExploration(step: string, cpus: number): Promise<Exploration> {
  const subject = new SourceProgram(await compileSource("bench.ts", source(step, cpus)));
  return new Exploration(subject.runtime, subject, explainProgram);
}

/** Executions a second. */
function rate(exploration: Exploration, strategy: Strategy, executions: number): number {
  const start = performance.now();
  for (let i = 0; i < executions; i++) exploration.execute(strategy);
  return (executions * 1000) / (performance.now() - start);
}

async function measure(
  what: string,
  exploration: Exploration,
  executions: number,
): Promise<Line[]> {
  const { cpus } = exploration.subject;
  const strategies = [new Pct(1, cpus, 3), new RandomWalk(1)];
  const sides = strategies.map((strategy) => () => rate(exploration, strategy, executions));
  await takeTurns(1, sides);
  const results = await takeTurns(ROUNDS, sides);
  return results.map((ours, i) => {
    return { what: `${what}, ${strategies[i]?.name ?? ""}`, unit: "1/s", ours };
  });
}

begin("How many executions a second does the explorer run?");
const hash = new WorkHash();
hash.add(PROGRAM_EXECUTIONS);
const lines: Line[] = [];
for (const cpus of [2, 3]) {
  const racy = await programExploration(RACY, cpus);
  lines.push(...(await measure(`racy counter, ${cpus} CPUs`, racy, PROGRAM_EXECUTIONS)));
  const locked = await programExploration(LOCKED, cpus);
  lines.push(...(await measure(`locked counter, ${cpus} CPUs`, locked, PROGRAM_EXECUTIONS)));
}
for (const name of ["same-page", "cow-unmap", "fork-store"]) {
  const subject = new KernelSubject(scenarioNamed(name));
  const exploration = new Exploration(subject.runtime, subject, subject.explain);
  lines.push(...(await measure(name, exploration, KERNEL_EXECUTIONS)));
}
printResult(lines, "racier", "", hash);
