// `racier locks`: what locks cost and whom they serve, lock beside lock; yours among them.

import os from "node:os";
import { Command, Option } from "commander";
import { threadsEngine } from "../engine/threads/engine.ts";
import { runLockOrder } from "../experiment/lock-order.ts";
import { runLocks, type LocksOptions } from "../experiment/locks/locks.ts";
import { MAX_LOCKS } from "../experiment/locks/memory.ts";
import { ACQUIRES, type Acquire } from "../experiment/locks/subject.ts";
import { chosenKernel } from "../kernel/catalogue.ts";
import { ConfigError } from "../kernel/error.ts";
import { LOCKS } from "../lab/catalogue.ts";
import { LAB_MAX_CPUS } from "../lab/memory.ts";
import { lockSource } from "../lab/sources.ts";
import { locksCharts } from "../report/locks/charts.ts";
import { locksHtml } from "../report/locks/html.ts";
import { lockOrderText } from "../report/lock-order-text.ts";
import { lockList } from "../report/locks/list.ts";
import { locksText } from "../report/locks/text.ts";
import { outOption, tellExperiment, type OutputOptions } from "./experiment.ts";
import { watchInterrupt } from "./interrupt.ts";
import { atMostOne, listOf, oneOf, positiveNumber, wholeNumber } from "./options.ts";

interface Options extends OutputOptions {
  readonly cpus?: number[];
  readonly critical: number[];
  readonly think?: number[];
  readonly locks: number[];
  readonly readers: number[];
  readonly acquire?: Acquire[];
  readonly compareTrylock?: boolean;
  readonly tries: number;
  readonly sample: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly order?: string | true;
  readonly list?: boolean;
}

const STATUS_BROKEN = 1;
const ORDER_SECONDS = 3;
const DEFAULT_CRITICAL_NS = 100;
const DEFAULT_THINK_NS = 300;
/** Levels of contention at which trying is compared with waiting. */
const TRYLOCK_THINK_NS = [0, 100, 1000, 10_000];
const TRYLOCK_LOCKS = ["ttas", "ticket", "mcs"];
/** The longest work, in ns. */
const MAX_WORK_NS = 1e7;

/** "100", "100ns", "2us", "1ms", in ns. */
function workTime(option: string): (text: string) => number {
  const factors: Readonly<Record<string, number>> = { "": 1, ns: 1, us: 1e3, µs: 1e3, ms: 1e6 };
  return (text) => {
    const [, digits = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|)$/.exec(text) ?? [];
    const ns = Number(digits) * (factors[unit] ?? NaN);
    if (digits !== "" && ns <= MAX_WORK_NS) return Math.round(ns);
    throw new ConfigError(
      `${option} takes times such as 0, 100ns or 2us, up to 10ms, not "${text}"`,
    );
  };
}

/** "90%" or "90". */
function parseReaders(text: string): number {
  return wholeNumber("--readers", 0, 100)(text.replace(/\s*%$/, ""));
}

function defaultCpus(): number[] {
  return os.availableParallelism() > 1 ? [1, 2] : [1];
}

function chosen(names: readonly string[], options: Options): LocksOptions {
  const { compareTrylock = false, tries, rounds, seconds, sample } = options;
  atMostOne({ "--compare-trylock": options.compareTrylock, "--acquire": options.acquire });
  const standard = compareTrylock ? TRYLOCK_LOCKS : LOCKS.map(({ name }) => name);
  const subjects = names.length === 0 ? standard : [...new Set(names)];
  return {
    sources: subjects.map(lockSource),
    ...{ compareTrylock, tries, rounds, seconds, sampleGap: sample },
    acquire: compareTrylock ? ["spin", "try"] : (options.acquire ?? ["spin"]),
    cpus: options.cpus ?? (compareTrylock ? defaultCpus().slice(-1) : defaultCpus()),
    criticalNs: options.critical,
    thinkNs: options.think ?? (compareTrylock ? TRYLOCK_THINK_NS : [DEFAULT_THINK_NS]),
    ...{ locks: options.locks, readersPercent: options.readers },
  };
}

/** The order of the kernel's locks, as a short stress teaches it. */
async function order(options: Options, isDefaultTime: boolean): Promise<void> {
  const watch = watchInterrupt();
  try {
    const doc = await runLockOrder(
      {
        kernel: options.order === true ? "2.6.9" : chosenKernel(options.order ?? "").name,
        cpus: options.cpus?.at(-1) ?? 2,
        seconds: isDefaultTime ? ORDER_SECONDS : options.seconds,
        seed: Math.floor(Math.random() * 2 ** 32),
        interrupted: watch.interrupted,
      },
      threadsEngine,
    );
    const text = options.json ? `${JSON.stringify(doc, null, 2)}\n` : lockOrderText(doc);
    process.stdout.write(text);
    const isWrong = doc.pairs.some(({ documented }) => !documented);
    if (isWrong || doc.failure !== null) process.exitCode = STATUS_BROKEN;
  } finally {
    watch.stop();
  }
}

async function measure(names: string[], options: Options, command: Command): Promise<void> {
  if (options.order !== undefined) {
    await order(options, command.getOptionValueSource("seconds") === "default");
    return;
  }
  if (options.list) {
    process.stdout.write(lockList(LOCKS, options.json ?? false));
    return;
  }
  const wanted = chosen(names, options);
  const doc = await tellExperiment(options, {
    label: "locks",
    measure: (hooks) => runLocks({ ...wanted, ...hooks }),
    text: locksText,
    report: locksHtml,
    charts: locksCharts,
  });
  if (doc.locks.some(({ verdict }) => verdict !== "measured")) process.exitCode = STATUS_BROKEN;
}

const ORDER = new Option(
  "--order [kernel]",
  "in which order a kernel takes its locks, as a short stress teaches, beside the documented order",
);

/** The subcommand. */
export function locksCommand(): Command {
  return new Command("locks")
    .description("measure locks: throughput, time to get them, fairness (docs/lock-lab.md)")
    .argument("[locks...]", "names (--list shows them) and files of yours; all when none is given")
    .option(
      "--cpus <list>",
      "numbers of CPUs (default: 1,2)",
      listOf(wholeNumber("--cpus", 1, LAB_MAX_CPUS)),
    )
    .option(
      "--critical <list>",
      "work under the lock, such as 0,100ns,2us",
      listOf(workTime("--critical")),
      [DEFAULT_CRITICAL_NS],
    )
    .option(
      "--think <list>",
      `work between locks, half to one and a half of it each time (default: ${DEFAULT_THINK_NS})`,
      listOf(workTime("--think")),
    )
    .option(
      "--locks <list>",
      "numbers of locks; each operation takes one at random",
      listOf(wholeNumber("--locks", 1, MAX_LOCKS)),
      [1],
    )
    .option(
      "--readers <list>",
      "share of operations that only read, such as 0,90%",
      listOf(parseReaders),
      [0],
    )
    .option(
      "--acquire <list>",
      `how to get it: ${ACQUIRES.join(", ")} (default: spin)`,
      listOf(oneOf("--acquire", ACQUIRES)),
    )
    .option("--tries <n>", "tries of try-spin and park", wholeNumber("--tries", 1, 1e6), 100)
    .option(
      "--compare-trylock",
      "trying beside waiting at several levels of contention, and what it comes to",
    )
    .option(
      "--sample <n>",
      "with the clock on, time one operation in about n",
      wholeNumber("--sample", 1, 1e6),
      32,
    )
    .option("--rounds <n>", "rounds of every lock and load", wholeNumber("--rounds", 1, 10_000), 11)
    .option("--seconds <n>", "time of all rounds together", positiveNumber("--seconds", 86_400), 15)
    .addOption(ORDER)
    .option("--list", "what locks there are, where they come from and what they promise")
    .option("--json", "one JSON document on standard output (docs/json.md)")
    .addOption(outOption())
    .action(measure);
}
