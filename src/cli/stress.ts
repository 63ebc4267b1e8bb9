// `racier stress`: random work on every CPU, everything checked.

import { Command } from "commander";
import { threadsEngine } from "../engine/threads/engine.ts";
import { runStress, type StressOptions } from "../experiment/stress.ts";
import { kernelEntry } from "../kernel/catalogue.ts";
import { MAX_CPUS } from "../machine/config.ts";
import { createProgress } from "../report/progress.ts";
import { stressHead, stressText } from "../report/stress-text.ts";
import { watchInterrupt } from "./interrupt.ts";
import { positiveNumber, wholeNumber } from "./options.ts";

interface Options {
  readonly kernel: string;
  readonly cpus: number;
  readonly seconds: number;
  readonly seed?: number;
  readonly memory: string;
  readonly operations?: number;
  readonly checking: boolean;
  readonly json?: boolean;
}

const STATUS_BROKEN = 1;
const MAX_SEED = 2 ** 32 - 1;

async function stress(options: Options): Promise<void> {
  const seed = options.seed ?? Math.floor(Math.random() * MAX_SEED);
  const watch = watchInterrupt();
  // The seed comes first, so that it is known whatever happens.
  const head = stressHead({ ...options, seed });
  (options.json ? process.stderr : process.stdout).write(head);
  const progress = createProgress({ total: Math.ceil(options.seconds), label: "stress" });
  const run: StressOptions = {
    ...options,
    seed,
    interrupted: watch.interrupted,
    onProgress: (seconds, note) => {
      progress.update(Math.min(Math.floor(seconds), Math.ceil(options.seconds)), note);
    },
  };
  try {
    const doc = await runStress(run, threadsEngine);
    progress.stop();
    process.stdout.write(options.json ? `${JSON.stringify(doc, null, 2)}\n` : stressText(doc));
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
    .option("--kernel <name>", "kernel version", (name) => kernelEntry(name).name, "2.6.9")
    .option("--cpus <n>", "number of CPUs", wholeNumber("--cpus", 1, MAX_CPUS), 2)
    .option("--seconds <n>", "how long", positiveNumber("--seconds", 864_000), 10)
    .option(
      "--seed <n>",
      "the same seed, the same work (default: a fresh one)",
      wholeNumber("--seed", 0, MAX_SEED),
    )
    .option("--memory <size>", "memory of the machine; a small one makes it run out", "64M")
    .option(
      "--operations <n>",
      "stop after that many operations",
      wholeNumber("--operations", 1, 2 ** 40),
    )
    .option("--no-checking", "the release build of the kernel, without poison and trace")
    .option("--json", "one JSON document on standard output (docs/json.md)")
    .action(stress);
}
