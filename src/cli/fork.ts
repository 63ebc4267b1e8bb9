// `racier fork`: lmbench's fork measurements of a process of your choice, kernel beside kernel.

import os from "node:os";
import { Command } from "commander";
import { threadsEngine } from "../engine/threads/engine.ts";
import { FORK_WORKLOADS, type ForkWorkload } from "../experiment/fork-document.ts";
import { runFork } from "../experiment/fork.ts";
import { GENERATIONS, KERNELS, chosenKernel } from "../kernel/catalogue.ts";
import { patchByPatch } from "../kernel/patches.ts";
import { MAX_CPUS } from "../machine/config.ts";
import { forkTables } from "../report/fork-text.ts";
import { forkCharts, forkHtml } from "../report/html.ts";
import type { ProcessLayout } from "../workload/process-layout/layout.ts";
import { loadPreset, presetNames } from "../workload/process-layout/presets.ts";
import { readSmapsFile, readSmapsOfPid } from "../workload/process-layout/smaps.ts";
import { MAX_PAGES, pagesLayout } from "../workload/process-layout/synthetic.ts";
import { outOption, tellExperiment, type OutputOptions } from "./experiment.ts";
import { lockOption, withLocks } from "./locks-of.ts";
import { atMostOne, listOf, oneOf, positiveNumber, wholeNumber } from "./options.ts";

interface Options extends OutputOptions {
  readonly smaps?: string;
  readonly pid?: number;
  readonly pages?: number;
  readonly preset?: string;
  readonly kernels: string[];
  readonly lock?: string;
  readonly lockStat?: boolean;
  readonly cpus: number[];
  readonly workloads: ForkWorkload[];
  readonly rounds: number;
  readonly seconds: number;
  readonly memory?: string;
}

const DEFAULT_PRESET = "bash";
const DEFAULT_CPUS = os.availableParallelism() > 1 ? [1, 2] : [1];

function chosenLayout(options: Options): ProcessLayout {
  const { smaps, pid, pages, preset } = options;
  atMostOne({ "--smaps": smaps, "--pid": pid, "--pages": pages, "--preset": preset });
  if (smaps !== undefined) return readSmapsFile(smaps);
  if (pid !== undefined) return readSmapsOfPid(pid);
  if (pages !== undefined) return pagesLayout(pages);
  return loadPreset(preset ?? DEFAULT_PRESET);
}

async function measure(options: Options): Promise<void> {
  const layout = chosenLayout(options);
  const settings = `${options.lock ?? ""}${options.lockStat ? "+lock_stat=on" : ""}`;
  const kernels = options.kernels.map((kernel) => withLocks(kernel, settings));
  await tellExperiment(options, {
    label: "fork",
    measure: (hooks) => runFork({ ...options, ...hooks, kernels, layout }, threadsEngine),
    text: forkTables,
    report: forkHtml,
    charts: forkCharts,
  });
}

/** A list of kernels, or one of the lists that have a name. */
function parseKernels(text: string): readonly string[] {
  if (text === "all") return GENERATIONS.map(({ name }) => name);
  if (text === "patches") return patchByPatch();
  return listOf((name) => chosenKernel(name).name)(text);
}

/** The subcommand. */
export function forkCommand(): Command {
  return new Command("fork")
    .description("measure fork+exit, fork+exec and fork+sh of a process, kernel beside kernel")
    .option(
      "--preset <name>",
      `a recorded process: ${presetNames().join(", ")} (default: ${DEFAULT_PRESET})`,
    )
    .option("--smaps <file>", "the process whose /proc/PID/smaps this file holds")
    .option("--pid <n>", "a running process of this computer", wholeNumber("--pid", 1, 2 ** 22))
    .option(
      "--pages <n>",
      "a small program with that many touched pages",
      wholeNumber("--pages", 1, MAX_PAGES),
    )
    .option(
      "--kernels <list>",
      "kernels, oldest first; all: every generation; patches: 2.6.8 to 2.6.9, patch by patch",
      parseKernels,
      KERNELS.map((kernel) => kernel.name),
    )
    .addOption(lockOption())
    .option(
      "--lock-stat",
      "also count and time locks, as /proc/lock_stat; times of fork are longer then",
    )
    .option(
      "--cpus <list>",
      "numbers of CPUs",
      listOf(wholeNumber("--cpus", 1, MAX_CPUS)),
      DEFAULT_CPUS,
    )
    .option(
      "--workloads <list>",
      "which of lmbench's three",
      listOf(oneOf("--workloads", FORK_WORKLOADS)),
      [...FORK_WORKLOADS],
    )
    .option("--rounds <n>", "rounds of every configuration", wholeNumber("--rounds", 1, 10_000), 21)
    .option("--seconds <n>", "time of all rounds together", positiveNumber("--seconds", 86_400), 15)
    .option(
      "--memory <size>",
      "memory of each machine, such as 1G (default: what the process needs)",
    )
    .option("--json", "one JSON document on standard output (docs/json.md)")
    .addOption(outOption())
    .action(measure);
}
