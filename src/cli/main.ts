#!/usr/bin/env node
// The command line: parses, dispatches, and turns every kind of failure into its sentence and exit
// status.
//
//   0  good        1  a rule was broken        2  wrong use        130  ended by Ctrl-C before anything was found

import { Command, CommanderError } from "commander";
import { racierVersion } from "../experiment/version.ts";
import {
  ConfigError,
  Interrupted,
  KernelBug,
  MachineSignal,
  SyscallError,
} from "../kernel/error.ts";
import { exploreCommand, replayCommand, scenariosCommand } from "./explore.ts";
import { forkCommand } from "./fork.ts";
import { STATUS_INTERRUPTED } from "./interrupt.ts";
import { kernelsCommand } from "./kernels.ts";
import { locksCommand } from "./locks.ts";
import { newCommand } from "./new.ts";
import { notifiersCommand } from "./notifiers.ts";
import { reclaimCommand } from "./reclaim.ts";
import { runCommand } from "./run.ts";
import { scaleCommand } from "./scale.ts";
import { stressCommand } from "./stress.ts";
import { swapoffCommand } from "./swapoff.ts";
import { topCommand } from "./top.ts";

const STATUS_BROKEN = 1;
const STATUS_WRONG_USE = 2;

function program(): Command {
  const racier = new Command("racier")
    .description("An emulated multi-core machine with the virtual memory of historic Linux kernels")
    .version(racierVersion())
    .showHelpAfterError("(racier COMMAND --help lists the options)")
    .addCommand(forkCommand())
    .addCommand(scaleCommand())
    .addCommand(stressCommand())
    .addCommand(topCommand())
    .addCommand(reclaimCommand())
    .addCommand(swapoffCommand())
    .addCommand(locksCommand())
    .addCommand(exploreCommand())
    .addCommand(replayCommand())
    .addCommand(scenariosCommand())
    .addCommand(runCommand())
    .addCommand(newCommand())
    .addCommand(notifiersCommand())
    .addCommand(kernelsCommand());
  for (const command of [racier, ...racier.commands]) command.exitOverride();
  return racier;
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : STATUS_WRONG_USE;
  if (error instanceof ConfigError) {
    process.stderr.write(`racier: ${error.message}\n`);
    return STATUS_WRONG_USE;
  }
  if (error instanceof Interrupted) {
    process.stderr.write(`racier: ${error.message}\n`);
    return STATUS_INTERRUPTED;
  }
  if (error instanceof KernelBug) {
    process.stderr.write(`racier: the kernel broke a rule: ${error.message}\n`);
    for (const event of error.events) process.stderr.write(`  ${event}\n`);
    return STATUS_BROKEN;
  }
  if (error instanceof MachineSignal || error instanceof SyscallError) {
    process.stderr.write(`racier: the program ended: ${error.message}\n`);
    return STATUS_BROKEN;
  }
  process.stderr.write(`racier: ${describe(error)}\n`);
  return STATUS_BROKEN;
}

/**
 * An error that nobody foresaw, such as one thrown by a program of the user: with the frames that
 * are not ours.
 */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const ours = new URL("../", import.meta.url).href;
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const foreign = frames.filter((line) => !line.includes(ours) && !line.includes("node:"));
  const shown = foreign.length > 0 ? foreign : frames;
  return [`${error.name}: ${error.message}`, ...shown.slice(0, 8)].join("\n");
}

// A reader that goes away (head, less) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

try {
  await program().parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
