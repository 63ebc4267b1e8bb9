// `racier reclaim`: memory pressure, kernel beside kernel.

import os from "node:os";
import { Command } from "commander";
import { threadsEngine } from "../engine/threads/engine.ts";
import { runReclaim } from "../experiment/reclaim.ts";
import { KERNELS, chosenKernel } from "../kernel/catalogue.ts";
import { MAX_CPUS, parseMemory } from "../machine/config.ts";
import { reclaimCharts, reclaimHtml, reclaimText } from "../report/reclaim-report.ts";
import { outOption, tellExperiment, type OutputOptions } from "./experiment.ts";
import { listOf, positiveNumber, wholeNumber } from "./options.ts";

interface Choices extends OutputOptions {
  readonly kernels: string[];
  readonly processes: number[];
  readonly rounds: number;
  readonly cpus: number[];
  readonly seconds: number;
  readonly memory: string;
  readonly forks?: boolean;
  readonly vmas: number;
  readonly lockStat?: boolean;
}

/** The shipped ones, and 2.6.9 as it would be with trylocks: the question of the mail. */
const ASKED = [...KERNELS.map((kernel) => kernel.name), "2.6.9+reclaim=trylock"];
/** Most VMAs: each has a page at least. */
const MAX_VMAS = 65_536;
const DEFAULT_CPUS = os.availableParallelism() > 1 ? [1, 2] : [1];

/** The subcommand. */
export function reclaimCommand(): Command {
  return new Command("reclaim")
    .description(
      "measure reclaim under memory pressure: pages, PTEs taken away and missed, kernel beside kernel",
    )
    .option(
      "--kernels <list>",
      "kernels",
      listOf((name) => chosenKernel(name).name),
      ASKED,
    )
    .option(
      "--processes <list>",
      "numbers of processes that share the pages besides those that run",
      listOf(wholeNumber("--processes", 0, 1000)),
      [8],
    )
    .option(
      "--cpus <list>",
      "numbers of CPUs",
      listOf(wholeNumber("--cpus", 1, MAX_CPUS)),
      DEFAULT_CPUS,
    )
    .option("--forks", "the last CPU forks processes that exit, and does not use the pages")
    .option(
      "--vmas <n>",
      "the pages lie in n VMAs of one process, whose threads use them on all CPUs (4134: a UML host)",
      wholeNumber("--vmas", 0, MAX_VMAS),
      0,
    )
    .option("--lock-stat", "also time locks, on machines of their own")
    .option("--rounds <n>", "rounds of every configuration", wholeNumber("--rounds", 1, 1000), 5)
    .option("--seconds <n>", "time of all rounds together", positiveNumber("--seconds", 86_400), 15)
    .option("--memory <size>", "memory of each machine", "24M")
    .option("--json", "one JSON document on standard output (docs/json.md)")
    .addOption(outOption())
    .action(reclaim);
}

async function reclaim(options: Choices): Promise<void> {
  const forks = options.forks ?? false;
  const memoryBytes = parseMemory(options.memory);
  await tellExperiment(options, {
    label: "reclaim",
    measure: (hooks) => runReclaim({ ...options, ...hooks, forks, memoryBytes }, threadsEngine),
    text: reclaimText,
    report: reclaimHtml,
    charts: reclaimCharts,
  });
}
