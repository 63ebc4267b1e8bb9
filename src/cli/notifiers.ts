// `racier notifiers`: what MMU notifiers cost.

import { Command } from "commander";
import { threadsEngine } from "../engine/threads/engine.ts";
import { runNotifiers } from "../experiment/notifiers.ts";
import { notifiersText } from "../report/notifiers-text.ts";
import { textStyle } from "../report/table.ts";
import { listOf, wholeNumber } from "./options.ts";

interface Options {
  readonly vmas: number[];
  readonly pages: number;
  readonly rounds: number;
  readonly json?: boolean;
}

async function measure({ json, ...options }: Options): Promise<void> {
  const doc = await runNotifiers(options, threadsEngine);
  const text =
    json === true
      ? `${JSON.stringify(doc, null, 2)}\n`
      : notifiersText(doc, textStyle(process.stdout));
  process.stdout.write(text);
}

/** The subcommand. */
export function notifiersCommand(): Command {
  return new Command("notifiers")
    .description("what MMU notifiers cost: registration, invalidation, accesses of a guest")
    .option("--vmas <list>", "numbers of VMAs", listOf(wholeNumber("--vmas", 1, 65_000)), [
      ...[10, 100, 1000, 10_000, 65_000],
    ])
    .option("--pages <n>", "pages of an operation", wholeNumber("--pages", 1, 1024), 512)
    .option("--rounds <n>", "rounds", wholeNumber("--rounds", 1, 1000), 7)
    .option("--json", "one document on standard output (docs/json.md)")
    .action(measure);
}
