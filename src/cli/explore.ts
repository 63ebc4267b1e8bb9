// `racier explore`, `racier replay` and `racier scenarios`: chosen interleavings, one of them again, and
// what there is to explore.

import { availableParallelism } from "node:os";
import { Command, Option } from "commander";
import {
  DETECTORS,
  NOTHING_OFF,
  parseOff,
  runExplore,
  runReplay,
  type ExploreProgress,
  type Off,
} from "../experiment/explore.ts";
import { runHall } from "../experiment/explore-hall.ts";
import { STRATEGIES, strategyNamed, type StrategyName } from "../experiment/explore-plan.ts";
import type { ExploreDocument } from "../experiment/explore-document.ts";
import { chosenKernel } from "../kernel/catalogue.ts";
import { ConfigError } from "../kernel/error.ts";
import { MAX_LOCK_CPUS } from "../lab/explored.ts";
import { exploreText } from "../report/explore-text.ts";
import { hallText, scenariosText } from "../report/hall-text.ts";
import { formatNumber } from "../report/format.ts";
import { createProgress, type Progress } from "../report/progress.ts";
import { SCENARIOS } from "../scenario/catalogue.ts";
import { OUT_HELP, outFile, writeHall, writeRun, type OutFile } from "./explore-out.ts";
import { watchInterrupt } from "./interrupt.ts";
import { lockOption, withLocks } from "./locks-of.ts";
import { wholeNumber } from "./options.ts";

const STATUS_BROKEN = 1;
const MAX_SEED = 2 ** 32 - 1;
const MAX_WORKERS = 64;

interface Budget {
  readonly seconds: number;
  readonly executions: number;
}

interface Options {
  readonly strategy: StrategyName;
  readonly depth: number;
  readonly seed: number;
  readonly budget?: Budget;
  readonly cpus?: number;
  readonly kernel?: string;
  readonly lock?: string;
  readonly without?: string[];
  readonly release?: boolean;
  readonly off: Off;
  readonly workers: number;
  readonly checkpoint?: string;
  readonly json?: boolean;
  readonly out?: OutFile;
}

type ReplayOptions = Pick<Options, "off" | "json" | "out">;

/** "10s", "2m" or a number of executions. */
function parseBudget(text: string): Budget {
  const time = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text);
  const unit = { s: 1, m: 60, h: 3600 }[time?.[2] ?? "s"] as number;
  const seconds = Number(time?.[1] ?? NaN) * unit;
  if (time !== null && seconds > 0 && seconds <= 864_000) return { seconds, executions: Infinity };
  const executions = Number(text);
  if (/^\d+$/.test(text) && executions > 0) return { seconds: Infinity, executions };
  throw new ConfigError(
    `--budget takes a time (10s, 5m, 1h) or a number of executions, not "${text}"`,
  );
}

function show(doc: ExploreDocument, json: boolean | undefined): void {
  process.stdout.write(json ? `${JSON.stringify(doc, null, 2)}\n` : exploreText(doc));
  if (doc.failure !== null) process.exitCode = STATUS_BROKEN;
}

async function explore(subject: string | undefined, options: Options): Promise<void> {
  const watch = watchInterrupt();
  try {
    if (subject === undefined) await exploreAll(options, watch.interrupted);
    else await exploreOne(subject, options, watch.interrupted);
  } finally {
    watch.stop();
  }
}

async function exploreOne(
  subject: string,
  options: Options,
  interrupted: () => boolean,
): Promise<void> {
  const { seconds, executions } = options.budget ?? BUDGET;
  const total = Math.ceil(seconds === Infinity ? executions : seconds);
  const bar = createProgress({ total, label: seconds === Infinity ? "explore" : "explore, s" });
  const onProgress = (progress: ExploreProgress): void => {
    const rate = Math.round(progress.executions / Math.max(progress.seconds, 1e-3));
    const { states, traces } = progress;
    const seen =
      states === undefined ? `${formatNumber(traces)} traces` : `${formatNumber(states)} states`;
    const count = `${formatNumber(progress.executions)} executions, ${formatNumber(rate)} a second, ${seen}`;
    const done = seconds === Infinity ? progress.executions : Math.floor(progress.seconds);
    bar.update(Math.min(done, total), `${progress.strategy}, ${count}`);
  };
  try {
    const limits = { seconds, executions, interrupted, onProgress };
    const kernel = kernelOf(subject, options);
    const doc = await runExplore({ ...options, kernel, subject, ...limits });
    bar.stop();
    show(doc, options.json);
    const { out, off } = options;
    if (out !== undefined) await writeRun(out, doc, { off, budget: { seconds, executions } });
  } finally {
    bar.stop();
  }
}

/** The kernel with the locks that were asked for; undefined: the first of the scenario. */
function kernelOf(subject: string, { kernel, lock }: Options): string | undefined {
  if (lock === undefined) return kernel;
  const first = SCENARIOS.find(({ name }) => name === subject)?.kernels[0];
  return withLocks(kernel ?? first ?? DEFAULT_KERNEL, lock);
}

/** Without a name: the hall. */
async function exploreAll(options: Options, interrupted: () => boolean): Promise<void> {
  const { cpus, kernel, lock, without, release } = options;
  const isForOne = [cpus, kernel, lock, without].some((option) => option !== undefined);
  if (isForOne || release === true) {
    const wayOut = "need the name of a scenario, or of a lock: racier scenarios";
    throw new ConfigError(`--kernel, --lock, --without, --release and --cpus ${wayOut}`);
  }
  if (options.checkpoint !== undefined) {
    throw new ConfigError(
      "--checkpoint needs the name of a scenario, or a file: the hall is short",
    );
  }
  const { seconds } = options.budget ?? HALL_BUDGET;
  if (seconds === Infinity) throw new ConfigError("the hall takes a --budget in time: 40s, 5m");
  let bar: Progress | undefined;
  const onExhibit = (done: number, total: number, name: string): void => {
    bar ??= createProgress({ total, label: "the hall" });
    bar.update(done, name);
  };
  try {
    const exhibits = await runHall({ ...options, seconds, interrupted, onExhibit });
    bar?.stop();
    const document = { command: "explore", exhibits };
    process.stdout.write(
      options.json ? `${JSON.stringify(document, null, 2)}\n` : hallText(exhibits),
    );
    const { out } = options;
    const budget = { seconds, executions: Infinity };
    if (out !== undefined) await writeHall(out, exhibits, { off: options.off, budget });
    const isWrong = exhibits.some(
      ({ without, document: { failure } }) => without === null && failure !== null,
    );
    if (isWrong) process.exitCode = STATUS_BROKEN;
  } finally {
    bar?.stop();
  }
}

/** Of a subject that is no scenario, and takes no kernel. */
const DEFAULT_KERNEL = "2.6.9";
const BUDGET: Budget = { seconds: 10, executions: Infinity };
const HALL_BUDGET: Budget = { seconds: 30, executions: Infinity };

/** What is not to be looked for. */
const offOption = (): Option =>
  new Option("--off <detectors>", `do not look for these: ${Object.keys(DETECTORS).join(", ")}`)
    .argParser(parseOff)
    .default(NOTHING_OFF, "look for all");

/** The subcommand that searches. */
export function exploreCommand(): Command {
  const words = (text: string): string[] => text.split(",");
  return new Command("explore")
    .description(
      "choose interleavings: find the one that breaks a scenario or a program of yours, or show that none does",
    )
    .argument(
      "[subject]",
      "scenario (racier scenarios), lock (racier locks --list), or AssemblyScript file (docs/explorer.md, docs/writing-a-lock.md); none: the hall",
    )
    .option(
      "--cpus <n>",
      "CPUs that use a lock (default: 2)",
      wholeNumber("--cpus", 1, MAX_LOCK_CPUS),
    )
    .option("--kernel <name>", "kernel of a scenario", (name) => chosenKernel(name).name)
    .addOption(lockOption())
    .option("--without <switches>", "measures that the kernel does without", words)
    .option("--release", "the build of the kernel that is measured, not the one that checks")
    .option("--strategy <name>", STRATEGIES.join(", "), strategyNamed, "mix")
    .option(
      "--depth <n>",
      "depth of the bugs that pct looks for; bound of preemptions and delays",
      wholeNumber("--depth", 1, 64),
      3,
    )
    .option("--seed <n>", "the same seed, the same search", wholeNumber("--seed", 0, MAX_SEED), 1)
    .option("--budget <b>", "time (10s, 5m) or number of executions (default: 10s)", parseBudget)
    .option(
      "--workers <n>",
      "threads that search together (default: one for each core)",
      wholeNumber("--workers", 1, MAX_WORKERS),
      Math.min(availableParallelism(), MAX_WORKERS),
    )
    .option("--checkpoint <file>", "write the search down, and go on where it was")
    .addOption(offOption())
    .option("--json", "one JSON document on standard output (docs/json.md)")
    .option("--out <file>", OUT_HELP, outFile)
    .action(explore);
}

/** The subcommand that lists scenarios. */
export function scenariosCommand(): Command {
  return new Command("scenarios")
    .description("list the scenarios of racier explore, and what each can do without")
    .option("--json", "one JSON document on standard output (docs/json.md)")
    .action(({ json }: { json?: boolean }) => {
      const scenarios = SCENARIOS.map(({ name, title, kernels, switches }) => ({
        ...{ name, title, kernels, switches },
      }));
      const document = { command: "scenarios", scenarios };
      process.stdout.write(
        json ? `${JSON.stringify(document, null, 2)}\n` : scenariosText(scenarios),
      );
    });
}

/** The subcommand that runs one schedule again. */
export function replayCommand(): Command {
  return new Command("replay")
    .description("run one schedule again, as racier explore printed it")
    .argument("<schedule>", "SUBJECT@FINGERPRINT/TURNS")
    .addOption(offOption())
    .option("--json", "one JSON document on standard output (docs/json.md)")
    .option("--out <file>", OUT_HELP, outFile)
    .action(async (schedule: string, { off, json, out }: ReplayOptions) => {
      const doc = await runReplay(schedule, off);
      show(doc, json);
      if (out !== undefined) await writeRun(out, doc, { off, schedule });
    });
}
