// A progress bar with the expected time left, on stderr. Without a terminal it is silent: stdout
// belongs to the result, and a log file gains nothing from a bar.

import process from "node:process";
import cliProgress from "cli-progress";
import { printable } from "./format.ts";

/** A bar that is being shown, or nothing where none can be shown. */
export interface Progress {
  /** `done` of `total` are done; `note` says what is going on. */
  update(done: number, note?: string): void;
  /**
   * Takes the bar away and gives the cursor back. Must be called, also after an error; twice is
   * fine.
   */
  stop(): void;
}

export interface ProgressOptions {
  /** Steps in all. */
  total: number;
  /** What is being done, one or two words. */
  label: string;
  /** @defaultValue process.stderr */
  stream?: NodeJS.WritableStream & { isTTY?: boolean };
}

const FORMAT = "{label} [{bar}] {percentage}% {value}/{total}, {eta_formatted} left {note}";
const SILENT: Progress = { update: () => undefined, stop: () => undefined };
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Starts a bar at 0. */
export function createProgress({
  total,
  label,
  stream = process.stderr,
}: ProgressOptions): Progress {
  if (stream.isTTY !== true || process.env["TERM"] === "dumb") return SILENT;
  const bar = new cliProgress.SingleBar({
    ...{ stream, format: FORMAT, barsize: 24, etaBuffer: 30 },
    ...{ hideCursor: true, clearOnComplete: true },
    gracefulExit: false, // its handler would swallow Ctrl-C; see restoreOnExit
  });
  bar.start(total, 0, { label: printable(label), note: "" });
  const forget = restoreOnExit(() => {
    bar.stop();
  });
  return {
    update(done, note) {
      bar.update(done, note === undefined ? {} : { note: printable(note) });
    },
    stop() {
      forget();
      bar.stop();
    },
  };
}

/**
 * Runs `restore` when the process ends or is told to, and lets a signal that nobody handles end it.
 */
function restoreOnExit(restore: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals): void => {
    forget();
    restore();
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const forget = (): void => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    process.off("exit", restore);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on("exit", restore);
  return forget;
}
