// `racier top`: a stress, seen from inside while it runs. On a terminal one screen that renews itself, elsewhere one
// after the other.

import { performance } from "node:perf_hooks";
import { Command, Option } from "commander";
import { threadsEngine } from "../engine/threads/engine.ts";
import { runStress } from "../experiment/stress.ts";
import { chosenKernel } from "../kernel/catalogue.ts";
import type { MemoryViews } from "../layout/view.ts";
import { MAX_CPUS } from "../machine/config.ts";
import { readLockStat } from "../machine/lock-stat.ts";
import { procText } from "../machine/proc/proc.ts";
import { readEvents, readMeminfo } from "../machine/proc/text.ts";
import { stressText } from "../report/stress-text.ts";
import { textStyle } from "../report/table.ts";
import { topText, type TopScreen } from "../report/top-text.ts";
import { watchInterrupt } from "./interrupt.ts";
import { lockOption, withLocks } from "./locks-of.ts";
import { diskOption, positiveNumber, wholeNumber } from "./options.ts";
import { KEY_LINE, TOP_PAGES, watchKeys, type TopPage } from "./top-keys.ts";

interface Options {
  readonly kernel: string;
  readonly lock?: string;
  readonly cpus: number;
  readonly memory: string;
  readonly disk: string;
  readonly seconds: number;
  readonly interval: number;
  readonly seed?: number;
  readonly checking: boolean;
  readonly page: TopPage;
}

const STATUS_BROKEN = 1;
const MAX_SEED = 2 ** 32 - 1;
const HOME_AND_CLEAR = "\x1b[H\x1b[J";

async function top(options: Options): Promise<void> {
  const { cpus, memory: size, disk, seconds, checking } = options;
  const seed = options.seed ?? Math.floor(Math.random() * MAX_SEED);
  const kernel = withLocks(options.kernel, `${options.lock ?? ""}+lock_stat=on`);
  const watch = watchInterrupt();
  let timer: NodeJS.Timeout | undefined;
  let leaveKeys = (): void => undefined;
  const atStart = (memory: MemoryViews): void => {
    const shown = { page: options.page };
    const screen = screens(memory, { ...options, kernel, seed }, shown);
    timer = setInterval(screen, options.interval * 1000);
    leaveKeys = watchKeys((page) => {
      shown.page = page;
      screen();
    });
  };
  const { interrupted } = watch;
  try {
    const doc = await runStress(
      { kernel, cpus, memory: size, disk, seconds, seed, checking, interrupted, atStart },
      threadsEngine,
    );
    clearInterval(timer);
    leaveKeys();
    process.stdout.write(`\n${stressText(doc)}`);
    if (doc.failure !== null) process.exitCode = STATUS_BROKEN;
  } finally {
    clearInterval(timer);
    leaveKeys();
    watch.stop();
  }
}

/** Shows a screen whenever it is called. */
function screens(
  memory: MemoryViews,
  options: Options & { readonly seed: number },
  shown: { readonly page: TopPage },
): () => void {
  const { kernel, cpus, seed } = options;
  const began = performance.now();
  let before: TopScreen | undefined;
  let shownAt = began;
  return () => {
    const now = performance.now();
    const screen = {
      title: `racier top: kernel ${kernel}, ${cpus} CPUs, seed ${seed}, ${((now - began) / 1000).toFixed(0)} s; Ctrl-C ends`,
      meminfo: readMeminfo(memory),
      vmstat: readEvents(memory),
      locks: readLockStat(memory, cpus),
    };
    const { page } = shown;
    const body =
      page === "overview"
        ? topText(screen, before, (now - shownAt) / 1000, textStyle())
        : `${screen.title}\n\n/proc/${page}\n${procText(memory, page)}`;
    const text = process.stdin.isTTY ? `${body}\n${KEY_LINE}\n` : body;
    process.stdout.write(process.stdout.isTTY ? `${HOME_AND_CLEAR}${text}` : `${text}\n`);
    before = screen;
    shownAt = now;
  };
}

/** The subcommand. */
export function topCommand(): Command {
  return new Command("top")
    .description("a stress, seen from inside while it runs: memory, events, locks")
    .option("--kernel <name>", "kernel version", (name) => chosenKernel(name).name, "2.6.9")
    .addOption(lockOption())
    .option("--cpus <n>", "number of CPUs", wholeNumber("--cpus", 1, MAX_CPUS), 2)
    .option("--memory <size>", "memory of the machine", "64M")
    .addOption(diskOption())
    .option("--seconds <n>", "how long", positiveNumber("--seconds", 864_000), 3600)
    .option(
      "--interval <n>",
      "seconds from one screen to the next",
      positiveNumber("--interval", 3600),
      1,
    )
    .addOption(
      new Option("--page <name>", "what is shown first; on a terminal keys change it")
        .choices(Object.values(TOP_PAGES))
        .default("overview"),
    )
    .option("--seed <n>", "the same seed, the same work", wholeNumber("--seed", 0, MAX_SEED))
    .option("--no-checking", "the release build of the kernel")
    .action(top);
}
