// `racier notifiers`: what MMU notifiers cost.

import { Command } from "commander";
import { threadsEngine } from "../engine/threads/engine.ts";
import {
  BRK_KERNELS,
  NOTIFIER_KERNELS,
  PARTS,
  runNotifiers,
  type NotifiersPart,
} from "../experiment/notifiers.ts";
import { chosenKernel } from "../kernel/catalogue.ts";
import { ConfigError } from "../kernel/error.ts";
import { notifiersCharts, notifiersHtml } from "../report/notifiers-html.ts";
import { notifiersText } from "../report/notifiers-text.ts";
import { outOption, tellExperiment, type OutputOptions } from "./experiment.ts";
import { listOf, oneOf, positiveNumber, wholeNumber } from "./options.ts";

interface Options extends OutputOptions {
  readonly parts: NotifiersPart[];
  readonly kernels: string[];
  readonly vmas: number[];
  readonly pages: number;
  readonly rounds: number;
  readonly seconds: number;
}

function parseKernel(text: string): string {
  const { name, settings } = chosenKernel(text);
  if ((settings["CONFIG_MMU_NOTIFIER"] ?? 0) !== 0) return name;
  throw new ConfigError(`${text} has no MMU notifiers: take ${NOTIFIER_KERNELS.join(", ")}`);
}

async function notifiers(options: Options): Promise<void> {
  const doc = await tellExperiment(options, {
    label: "notifiers",
    measure: (hooks) =>
      runNotifiers({ ...options, ...hooks, brkKernels: BRK_KERNELS }, threadsEngine),
    text: notifiersText,
    report: notifiersHtml,
    charts: notifiersCharts,
  });
  if (doc.guest.some(({ stale }) => stale > 0)) process.exitCode = 1;
}

/** The subcommand. */
export function notifiersCommand(): Command {
  return new Command("notifiers")
    .description("what MMU notifiers cost: registration, invalidation, a guest")
    .option("--parts <list>", PARTS.join(", "), listOf(oneOf("--parts", PARTS)), [...PARTS])
    .option("--kernels <list>", "kernels with notifiers", listOf(parseKernel), [
      ...NOTIFIER_KERNELS,
    ])
    .option("--vmas <list>", "numbers of VMAs", listOf(wholeNumber("--vmas", 1, 65_000)), [
      ...[10, 100, 1000, 10_000, 65_000],
    ])
    .option("--pages <n>", "pages of an operation", wholeNumber("--pages", 1, 1024), 512)
    .option("--rounds <n>", "rounds of every case", wholeNumber("--rounds", 1, 1000), 11)
    .option(
      "--seconds <n>",
      "time of all the guest's rounds",
      positiveNumber("--seconds", 86_400),
      5,
    )
    .option("--json", "one JSON document on standard output (docs/json.md)")
    .addOption(outOption())
    .action(notifiers);
}
