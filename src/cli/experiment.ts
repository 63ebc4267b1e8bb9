// What every command that measures does around its measurement: Ctrl-C ends it with what was found so far, a bar
// shows how far it is, the result goes to standard output, as text or as JSON, and a report to --out.

import { writeFileSync } from "node:fs";
import { createProgress, type Progress } from "../report/progress.ts";
import { watchInterrupt } from "./interrupt.ts";
import { checkOut } from "./out.ts";

/** What a measurement is told by its user, and tells. */
export interface Hooks {
  /** True when the user wants it to end. */
  readonly interrupted: () => boolean;
  /** Told after each step how many of all are done; another total begins another bar. */
  readonly onProgress: (done: number, total: number, note: string) => void;
}

/** Options that every such command has. */
export interface OutputOptions {
  readonly json?: boolean;
  readonly out?: string;
}

/** A measurement, and how its result is shown. */
export interface Experiment<T> {
  /** Beside the bar. */
  readonly label: string;
  readonly measure: (hooks: Hooks) => Promise<T>;
  readonly text: (doc: T) => string;
  /** The report for --out; `command` made it. */
  readonly report: (doc: T, command: string) => string | Promise<string>;
}

/**
 * Measures, prints and writes the report. Throws Interrupted when the user ended it before there was anything to
 * tell, and ConfigError, for a file that cannot be written before anything is measured.
 */
export async function tellExperiment<T>(
  { json, out }: OutputOptions,
  { label, measure, text, report }: Experiment<T>,
): Promise<T> {
  if (out !== undefined) checkOut(out);
  const watch = watchInterrupt();
  let bar: Progress | undefined;
  let shown = 0;
  try {
    const doc = await measure({
      interrupted: watch.interrupted,
      onProgress: (done, total, note) => {
        if (total !== shown) {
          bar?.stop();
          bar = createProgress({ total, label });
          shown = total;
        }
        bar?.update(done, note);
      },
    });
    bar?.stop();
    process.stdout.write(json ? `${JSON.stringify(doc, null, 2)}\n` : text(doc));
    if (out !== undefined) {
      writeFileSync(out, await report(doc, `racier ${process.argv.slice(2).join(" ")}`));
      process.stderr.write(`report written to ${out}\n`);
    }
    return doc;
  } finally {
    bar?.stop();
    watch.stop();
  }
}
