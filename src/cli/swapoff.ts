// `racier swapoff`: emptying a swap area, by a scan and through anon_vma, as processes and swap grow.

import { Command } from "commander";
import { threadsEngine } from "../engine/threads/engine.ts";
import { runSwapoff } from "../experiment/swapoff.ts";
import { KERNELS, chosenKernel } from "../kernel/catalogue.ts";
import { swapoffCharts, swapoffHtml, swapoffText } from "../report/swapoff-report.ts";
import type { SwapPlace, SwapSharing } from "../workload/reclaim/orders.ts";
import { outOption, tellExperiment, type OutputOptions } from "./experiment.ts";
import { listOf, oneOf, wholeNumber } from "./options.ts";

interface Choices extends OutputOptions {
  readonly kernels: string[];
  readonly processes: number[];
  readonly pages: number[];
  readonly share: SwapSharing[];
  readonly from: SwapPlace[];
  readonly rounds: number;
}

const SHARINGS: readonly SwapSharing[] = ["own", "forked"];
const PLACES: readonly SwapPlace[] = ["disk", "cache"];

async function swapoff(options: Choices): Promise<void> {
  const { share: sharings, from: places } = options;
  await tellExperiment(options, {
    label: "swapoff",
    measure: (hooks) => runSwapoff({ ...options, ...hooks, sharings, places }, threadsEngine),
    text: swapoffText,
    report: swapoffHtml,
    charts: swapoffCharts,
  });
}

/** The subcommand. */
export function swapoffCommand(): Command {
  return new Command("swapoff")
    .description("measure how long it takes to empty a swap area: scan against anon_vma")
    .option(
      "--kernels <list>",
      "kernels",
      listOf((name) => chosenKernel(name).name),
      KERNELS.map((kernel) => kernel.name),
    )
    .option(
      "--processes <list>",
      "numbers of processes",
      listOf(wholeNumber("--processes", 1, 1000)),
      [1, 8, 32],
    )
    .option(
      "--pages <list>",
      "pages on swap, of all processes together",
      listOf(wholeNumber("--pages", 1, 400_000)),
      [1000, 4000],
    )
    .option(
      "--share <list>",
      "own: each process has its own pages; forked: a fork has shared them all",
      listOf(oneOf("--share", SHARINGS)),
      [...SHARINGS],
    )
    .option(
      "--from <list>",
      "disk: the pages are on the disk only; cache: in the swap cache too",
      listOf(oneOf("--from", PLACES)),
      ["disk"],
    )
    .option("--rounds <n>", "rounds of every configuration", wholeNumber("--rounds", 1, 1000), 3)
    .option("--json", "one JSON document on standard output (docs/json.md)")
    .addOption(outOption())
    .action(swapoff);
}
