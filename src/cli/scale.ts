// `racier scale`: the testcases of will-it-scale that concern memory, on one CPU and on more.

import os from "node:os";
import { Command } from "commander";
import { threadsEngine } from "../engine/threads/engine.ts";
import { runScale } from "../experiment/scale.ts";
import { KERNELS, chosenKernel } from "../kernel/catalogue.ts";
import { ConfigError } from "../kernel/error.ts";
import { MAX_CPUS, parseMemory } from "../machine/config.ts";
import { scaleCharts, scaleHtml } from "../report/scale-html.ts";
import { scaleText } from "../report/scale-text.ts";
import { alignedTable } from "../report/table.ts";
import {
  MAPPED_BYTES,
  MODES,
  TESTCASES,
  type ScaleMode,
  type TestcaseName,
} from "../workload/scale/scale-order.ts";
import { outOption, tellExperiment, type OutputOptions } from "./experiment.ts";
import { lockOption, withLocks } from "./locks-of.ts";
import { listOf, oneOf, positiveNumber, wholeNumber } from "./options.ts";

interface Options extends OutputOptions {
  readonly testcases: TestcaseName[];
  readonly modes: ScaleMode[];
  readonly kernels: string[];
  readonly lock?: string;
  readonly cpus: number[];
  readonly rounds: number;
  readonly seconds: number;
  readonly size: number;
  readonly lockStat?: boolean;
  readonly list?: boolean;
}

const DEFAULT_CPUS = Array.from(
  { length: Math.min(os.availableParallelism(), 8) },
  (_, i) => i + 1,
);
const ALL = TESTCASES.map(({ name }) => name);

function parseTestcase(text: string): TestcaseName {
  const found = ALL.find((name) => name === text);
  if (found !== undefined) return found;
  throw new ConfigError(`there is no testcase "${text}": there are ${ALL.join(", ")}`);
}

function parseSize(text: string): number {
  const bytes = parseMemory(text, "--size");
  if (bytes >= 4096 && bytes <= MAPPED_BYTES && bytes % 4096 === 0) return bytes;
  throw new ConfigError(`--size takes whole pages, from 4K to 128M, not "${text}"`);
}

async function scale(options: Options): Promise<void> {
  if (options.list) {
    const rows = TESTCASES.map(({ name, operation }) => [name, operation]);
    process.stdout.write(`${alignedTable(["testcase", "one operation"], rows)}\n`);
    return;
  }
  const kernels = options.kernels.map((kernel) => withLocks(kernel, options.lock));
  const touchedBytes = options.size;
  await tellExperiment(options, {
    label: "scale",
    measure: (hooks) => runScale({ ...options, ...hooks, kernels, touchedBytes }, threadsEngine),
    text: scaleText,
    report: scaleHtml,
    charts: scaleCharts,
  });
}

/** The subcommand. */
export function scaleCommand(): Command {
  return new Command("scale")
    .description(
      "operations a second on one CPU and on more, in processes and threads (docs/scale.md)",
    )
    .option("--testcases <list>", "which (default: all; --list)", listOf(parseTestcase), [...ALL])
    .option("--modes <list>", MODES.join(", "), listOf(oneOf("--modes", MODES)), [...MODES])
    .option(
      "--kernels <list>",
      "kernels; each is compared with the one before",
      listOf((name) => chosenKernel(name).name),
      KERNELS.filter((kernel) => kernel.builtFrom === undefined).map((kernel) => kernel.name),
    )
    .addOption(lockOption())
    .option(
      "--cpus <list>",
      "numbers of CPUs",
      listOf(wholeNumber("--cpus", 1, MAX_CPUS)),
      DEFAULT_CPUS,
    )
    .option("--rounds <n>", "rounds of every configuration", wholeNumber("--rounds", 1, 10_000), 11)
    .option("--seconds <n>", "time of all rounds together", positiveNumber("--seconds", 86_400), 30)
    .option(
      "--size <bytes>",
      "what page_fault1 to 3 touch at a time (default: 32M)",
      parseSize,
      32 * 2 ** 20,
    )
    .option(
      "--lock-stat",
      "also count and time locks, as /proc/lock_stat, on machines of their own",
    )
    .option("--list", "say what the testcases do, and end")
    .option("--json", "one JSON document on standard output (docs/json.md)")
    .addOption(outOption())
    .action(scale);
}
