// `racier stress`: random work on every CPU, everything checked.

import { Command } from "commander";
import { threadsEngine } from "../engine/threads/engine.ts";
import { runStress, type StressOptions, type StressProgress } from "../experiment/stress.ts";
import { chosenKernel } from "../kernel/catalogue.ts";
import { MAX_CPUS } from "../machine/config.ts";
import { procPages } from "../machine/proc/proc.ts";
import { formatNumber } from "../report/format.ts";
import { createProgress } from "../report/progress.ts";
import { stressHead, stressText } from "../report/stress-text.ts";
import { watchInterrupt } from "./interrupt.ts";
import { lockOption, withLocks } from "./locks-of.ts";
import { diskOption, positiveNumber, wholeNumber } from "./options.ts";

interface Options {
  readonly kernel: string;
  readonly lock?: string;
  readonly cpus: number;
  readonly seconds?: number;
  readonly seed?: number;
  readonly memory: string;
  readonly disk: string;
  readonly operations?: number;
  readonly checking: boolean;
  readonly json?: boolean;
  readonly stat?: boolean;
}

const STATUS_BROKEN = 1;
const MAX_SEED = 2 ** 32 - 1;

const DEFAULT_SECONDS = 10;
/** With a number of operations, time is no limit unless it was given. */
const MOST_SECONDS = 864_000;

/** Shows how far the run has come: by time, or by operations where they are the limit. */
function showProgress({ seconds, operations }: Options): {
  readonly update: (progress: StressProgress) => void;
  readonly stop: () => void;
} {
  const byTime = seconds !== undefined || operations === undefined;
  const total = byTime ? Math.ceil(seconds ?? DEFAULT_SECONDS) : operations;
  const bar = createProgress({ total, label: byTime ? "stress, s" : "stress, operations" });
  const update = (progress: StressProgress): void => {
    const done = byTime ? Math.floor(progress.seconds) : progress.operations;
    const note = `${formatNumber(progress.operations)} operations, ${progress.checks} checks`;
    bar.update(Math.min(done, total), note);
  };
  const stop = (): void => {
    bar.stop();
  };
  return { update, stop };
}

async function stress(given: Options): Promise<void> {
  const options = { ...given, kernel: withLocks(given.kernel, given.lock) };
  const { operations } = options;
  const seed = options.seed ?? Math.floor(Math.random() * MAX_SEED);
  const seconds = options.seconds ?? (operations === undefined ? DEFAULT_SECONDS : MOST_SECONDS);
  const watch = watchInterrupt();
  // The seed comes first, so that it is known whatever happens.
  const head = stressHead({ ...options, seed });
  (options.json ? process.stderr : process.stdout).write(head);
  const progress = showProgress(options);
  const { interrupted } = watch;
  let stat = "";
  const run: StressOptions = {
    ...options,
    ...(options.stat ? { atEnd: (memory) => (stat = `\n${procPages(memory)}`) } : {}),
    seed,
    seconds,
    interrupted,
    onProgress: progress.update,
  };
  try {
    const doc = await runStress(run, threadsEngine);
    progress.stop();
    process.stdout.write(options.json ? `${JSON.stringify(doc, null, 2)}\n` : stressText(doc));
    // With --json standard output is one document.
    (options.json ? process.stderr : process.stdout).write(stat);
    if (doc.failure !== null) process.exitCode = STATUS_BROKEN;
  } finally {
    progress.stop();
    watch.stop();
  }
}

/** The subcommand. */
export function stressCommand(): Command {
  return new Command("stress")
    .description("random syscalls and accesses on every CPU, every load and all invariants checked")
    .option("--kernel <name>", "kernel version", (name) => chosenKernel(name).name, "2.6.9")
    .addOption(lockOption())
    .option("--cpus <n>", "number of CPUs", wholeNumber("--cpus", 1, MAX_CPUS), 2)
    .option(
      "--seconds <n>",
      "how long (default: 10, or as long as the operations take)",
      positiveNumber("--seconds", MOST_SECONDS),
    )
    .option(
      "--seed <n>",
      "the same seed, the same work (default: a fresh one)",
      wholeNumber("--seed", 0, MAX_SEED),
    )
    .option("--memory <size>", "memory of the machine; a small one makes it run out", "64M")
    .addOption(diskOption())
    .option(
      "--operations <n>",
      "stop after that many operations",
      wholeNumber("--operations", 1, 2 ** 40),
    )
    .option("--no-checking", "the release build of the kernel, without poison and trace")
    .option("--stat", "print meminfo, vmstat, buddyinfo and slabinfo at the end")
    .option("--json", "one JSON document on standard output (docs/json.md)")
    .action(stress);
}
