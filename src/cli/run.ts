// `racier run FILE`: runs a program of yours on every CPU of a machine and prints what it returned.

import { Command } from "commander";
import { threadsEngine } from "../engine/threads/engine.ts";
import { racierVersion } from "../experiment/version.ts";
import { MAX_CPUS } from "../machine/config.ts";
import { createMachine } from "../machine/machine.ts";
import { lockOption, withLocks } from "./locks-of.ts";
import { positiveNumber, wholeNumber } from "./options.ts";

interface Options {
  readonly kernel: string;
  readonly lock?: string;
  readonly cpus: number;
  readonly memory: string;
  readonly checking?: boolean;
  readonly program: string[];
  readonly arg: number[];
  readonly seconds: number;
  readonly json?: boolean;
}

const bigintsAsText = (_: string, value: unknown): unknown =>
  typeof value === "bigint" ? value.toString() : value;

async function run(file: string, options: Options): Promise<void> {
  const { cpus, memory, checking = false, arg } = options;
  const kernel = withLocks(options.kernel, options.lock);
  const machine = await createMachine({ kernel, cpus, memory, checking }, threadsEngine);
  try {
    await machine.load({ module: file, programs: options.program });
    const [first = "default"] = options.program;
    const timeoutMs = options.seconds * 1000;
    const results = await machine.runOnAll(first, { args: arg, timeoutMs });
    if (options.json) {
      const doc = {
        command: "run",
        version: racierVersion(),
        kernel,
        cpus,
        program: file,
        results,
      };
      process.stdout.write(`${JSON.stringify(doc, bigintsAsText, 2)}\n`);
    } else {
      results.forEach((result, cpu) => {
        process.stdout.write(
          `CPU ${cpu}: ${result === undefined ? "done" : JSON.stringify(result, bigintsAsText)}\n`,
        );
      });
    }
  } finally {
    await machine.stop();
  }
}

/** Collects a repeated option. */
function collect<T>(parse: (text: string) => T): (text: string, previous: T[]) => T[] {
  let own: T[] | undefined;
  return (text) => {
    own = [...(own ?? []), parse(text)];
    return own;
  };
}

/** The subcommand. */
export function runCommand(): Command {
  const number = (text: string): number => wholeNumber("--arg", -(2 ** 53), 2 ** 53)(text);
  return new Command("run")
    .description("run a program of yours on every CPU of a machine (docs/writing-a-workload.md)")
    .argument("<file>", "a JavaScript or TypeScript module")
    .option("--program <name>", "exports that are programs; the first is run", collect(String), [
      "default",
    ])
    .option("--arg <n>", "a number for the program; up to four times", collect(number), [])
    .option("--kernel <name>", "kernel version", "2.6.9")
    .addOption(lockOption())
    .option("--cpus <n>", "number of CPUs", wholeNumber("--cpus", 1, MAX_CPUS), 1)
    .option("--memory <size>", "memory of the machine", "256M")
    .option("--checking", "the checking build of the kernel")
    .option(
      "--seconds <n>",
      "stop a program that takes longer",
      positiveNumber("--seconds", 86_400),
      60,
    )
    .option("--json", "one JSON document on standard output")
    .action(run);
}
