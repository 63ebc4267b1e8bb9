// What every command that measures does around its measurement: Ctrl-C ends it with what was found so far, a bar
// shows how far it is, the result goes to standard output, as text or as JSON, and a report to --out.

import { writeFileSync } from "node:fs";
import { Option } from "commander";
import type { HostFacts } from "../experiment/host.ts";
import { ConfigError } from "../kernel/error.ts";
import { picture } from "../report/picture.ts";
import type { Chart } from "../report/plot.ts";
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

/** --out of every such command. */
export const outOption = (): Option =>
  new Option("--out <file>", "write a report, one .html file, or its charts alone, one .svg file");

/** What a file of that name is to be. Throws ConfigError. */
function kindOf(path: string): "html" | "svg" {
  const [, ending] = /\.(html?|svg)$/i.exec(path) ?? [];
  if (ending === undefined) {
    throw new ConfigError(`--out takes a file that ends in .html or .svg, not "${path}"`);
  }
  return ending.toLowerCase() === "svg" ? "svg" : "html";
}

/** What every result says: where and by what it was measured. */
interface Measured {
  readonly host: HostFacts;
  readonly version: string;
}

/** A measurement, and how its result is shown. */
export interface Experiment<T> {
  /** Beside the bar. */
  readonly label: string;
  readonly measure: (hooks: Hooks) => Promise<T>;
  readonly text: (doc: T) => string;
  /** The page for --out; `command` made it. */
  readonly report: (doc: T, command: string) => string | Promise<string>;
  /** Its charts, for a picture: of figures that may be compared only. */
  readonly charts: (doc: T) => Promise<readonly Chart[]>;
}

/**
 * Measures, prints and writes the report. Throws Interrupted when the user ended it before there was anything to
 * tell, and ConfigError, for a file that cannot be written before anything is measured.
 */
export async function tellExperiment<T extends Measured>(
  { json, out }: OutputOptions,
  { label, measure, text, report, charts }: Experiment<T>,
): Promise<T> {
  const kind = out === undefined ? undefined : kindOf(out);
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
      const command = `racier ${process.argv.slice(2).join(" ")}`;
      writeFileSync(
        out,
        kind === "svg" ? picture(await charts(doc), doc, command) : await report(doc, command),
      );
      process.stderr.write(`report written to ${out}\n`);
    }
    return doc;
  } finally {
    bar?.stop();
    watch.stop();
  }
}
