// `racier explore` and `racier replay`: chosen interleavings, and one of them again.

import { Command } from "commander";
import { runExplore, runReplay, type ExploreProgress } from "../experiment/explore.ts";
import { STRATEGIES } from "../experiment/explore-plan.ts";
import type { ExploreDocument } from "../experiment/explore-document.ts";
import { ConfigError } from "../kernel/error.ts";
import { exploreText } from "../report/explore-text.ts";
import { formatNumber } from "../report/format.ts";
import { createProgress } from "../report/progress.ts";
import { watchInterrupt } from "./interrupt.ts";
import { wholeNumber } from "./options.ts";

const STATUS_BROKEN = 1;
const MAX_SEED = 2 ** 32 - 1;

interface Budget {
  readonly seconds: number;
  readonly executions: number;
}

interface Options {
  readonly strategy: string;
  readonly depth: number;
  readonly seed: number;
  readonly budget: Budget;
  readonly dataRaces: boolean;
  readonly json?: boolean;
}

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

function parseStrategy(text: string): string {
  if ((STRATEGIES as readonly string[]).includes(text)) return text;
  throw new ConfigError(`there is no strategy "${text}": take one of ${STRATEGIES.join(", ")}`);
}

function show(doc: ExploreDocument, json: boolean | undefined): void {
  process.stdout.write(json ? `${JSON.stringify(doc, null, 2)}\n` : exploreText(doc));
  if (doc.failure !== null) process.exitCode = STATUS_BROKEN;
}

async function explore(file: string, options: Options): Promise<void> {
  const { seconds, executions } = options.budget;
  const watch = watchInterrupt();
  const total = Math.ceil(seconds === Infinity ? executions : seconds);
  const bar = createProgress({ total, label: seconds === Infinity ? "explore" : "explore, s" });
  const onProgress = (progress: ExploreProgress): void => {
    const rate = Math.round(progress.executions / Math.max(progress.seconds, 1e-3));
    const note = `${progress.strategy}, ${formatNumber(progress.executions)} executions, ${formatNumber(rate)} a second`;
    const done = seconds === Infinity ? progress.executions : Math.floor(progress.seconds);
    bar.update(Math.min(done, total), note);
  };
  try {
    const { interrupted } = watch;
    const doc = await runExplore({
      ...options,
      file,
      seconds,
      executions,
      interrupted,
      onProgress,
    });
    bar.stop();
    show(doc, options.json);
  } finally {
    bar.stop();
    watch.stop();
  }
}

/** The subcommand that searches. */
export function exploreCommand(): Command {
  return new Command("explore")
    .description(
      "choose the interleavings of a program of yours, find the one that breaks it, or show that none does",
    )
    .argument(
      "<file>",
      "AssemblyScript file that exports setup, cpu0, cpu1, ... and check (docs/explorer.md)",
    )
    .option("--strategy <name>", STRATEGIES.join(", "), parseStrategy, "mix")
    .option(
      "--depth <n>",
      "bugs of which depth pct looks for; bound of preemptions and delays",
      wholeNumber("--depth", 1, 64),
      3,
    )
    .option("--seed <n>", "the same seed, the same search", wholeNumber("--seed", 0, MAX_SEED), 1)
    .option("--budget <b>", "time (10s, 5m) or number of executions", parseBudget, {
      seconds: 10,
      executions: Infinity,
    })
    .option("--no-data-races", "do not look for unordered plain accesses")
    .option("--json", "one JSON document on standard output (docs/json.md)")
    .action(explore);
}

/** The subcommand that runs one schedule again. */
export function replayCommand(): Command {
  return new Command("replay")
    .description("run one schedule again, as racier explore printed it")
    .argument("<schedule>", "FILE@FINGERPRINT/TURNS")
    .option("--no-data-races", "do not look for unordered plain accesses")
    .option("--json", "one JSON document on standard output (docs/json.md)")
    .action(async (line: string, options: { dataRaces: boolean; json?: boolean }) => {
      show(await runReplay(line, options.dataRaces), options.json);
    });
}
