// `racier reclaim` and `racier swapoff`: memory pressure, and emptying a swap area, kernel beside kernel.

import os from "node:os";
import { Command } from "commander";
import { threadsEngine } from "../engine/threads/engine.ts";
import { runReclaim } from "../experiment/reclaim.ts";
import { runSwapoff } from "../experiment/swapoff.ts";
import { KERNELS, chosenKernel } from "../kernel/catalogue.ts";
import { MAX_CPUS, parseMemory } from "../machine/config.ts";
import { reclaimHtml, reclaimText } from "../report/reclaim-report.ts";
import { tellExperiment, type Hooks, type OutputOptions } from "./experiment.ts";
import { listOf, positiveNumber, wholeNumber } from "./options.ts";

interface Common extends OutputOptions {
  readonly kernels: string[];
  readonly processes: number[];
  readonly rounds: number;
}

interface ReclaimChoices extends Common {
  readonly cpus: number[];
  readonly seconds: number;
  readonly memory: string;
  readonly forks?: boolean;
}

interface SwapoffChoices extends Common {
  readonly pages: number[];
}

const SHIPPED = KERNELS.map((kernel) => kernel.name);
const DEFAULT_CPUS = os.availableParallelism() > 1 ? [1, 2] : [1];

/** Both print and report in the same form. */
const tell = async (
  options: Common,
  label: string,
  measure: (hooks: Hooks) => Promise<Parameters<typeof reclaimText>[0]>,
): Promise<void> => {
  await tellExperiment(options, { label, measure, text: reclaimText, report: reclaimHtml });
};

const common = (
  command: Command,
  kernels: readonly string[],
  processes: readonly number[],
): Command =>
  command
    .option(
      "--kernels <list>",
      "kernels",
      listOf((name) => chosenKernel(name).name),
      [...kernels],
    )
    .option(
      "--processes <list>",
      "numbers of processes",
      listOf(wholeNumber("--processes", 1, 1000)),
      [...processes],
    )
    .option("--json", "one JSON document on standard output (docs/json.md)")
    .option("--out <file>", "write a report, one HTML file");

/** The subcommand. */
export function reclaimCommand(): Command {
  const command = new Command("reclaim").description(
    "measure reclaim under memory pressure: pages, PTEs taken away and missed, kernel beside kernel",
  );
  return common(command, SHIPPED, [8])
    .option(
      "--cpus <list>",
      "numbers of CPUs",
      listOf(wholeNumber("--cpus", 1, MAX_CPUS)),
      DEFAULT_CPUS,
    )
    .option("--forks", "the last CPU forks processes that exit, and does not use the pages")
    .option("--rounds <n>", "rounds of every configuration", wholeNumber("--rounds", 1, 1000), 5)
    .option("--seconds <n>", "time of all rounds together", positiveNumber("--seconds", 86_400), 15)
    .option("--memory <size>", "memory of each machine", "24M")
    .action((options: ReclaimChoices) =>
      tell(options, "reclaim", (hooks) =>
        runReclaim(
          {
            ...options,
            ...hooks,
            forks: options.forks ?? false,
            memoryBytes: parseMemory(options.memory),
          },
          threadsEngine,
        ),
      ),
    );
}

/** The subcommand. */
export function swapoffCommand(): Command {
  const command = new Command("swapoff").description(
    "measure how long it takes to empty a swap area: scan against anon_vma",
  );
  return common(command, SHIPPED, [1, 8, 32])
    .option(
      "--pages <list>",
      "pages on swap, of all processes",
      listOf(wholeNumber("--pages", 1, 400_000)),
      [1000, 4000],
    )
    .option("--rounds <n>", "rounds of every configuration", wholeNumber("--rounds", 1, 1000), 3)
    .action((options: SwapoffChoices) =>
      tell(options, "swapoff", (hooks) => runSwapoff({ ...options, ...hooks }, threadsEngine)),
    );
}
