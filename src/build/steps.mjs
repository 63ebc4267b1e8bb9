// Runs the steps of a build: each one a child process, named, timed, and quiet unless it fails.

import { spawn } from "node:child_process";
import { ROOT } from "./project.mjs";

/** Steps that run at once: one for each core of a small machine. */
export const WIDTH = 2;

/**
 * @typedef {{
 *   name: string,
 *   command: string[],
 *   skip?: () => boolean,
 *   after?: () => void,
 *   done?: () => void,
 * }} Step  command: a script for node, with arguments; skip: true when there is nothing to do; after:
 *   called when the command has ended, well or not; done: called when it ended well
 */

const said = new Set();

/** Runs steps, at most `width` at a time. Goes on after a failure; true when all succeeded. */
export async function runSteps(steps, width) {
  const waiting = [...steps];
  let good = true;
  const lane = async () => {
    for (let step = waiting.shift(); step; step = waiting.shift()) {
      good = (await runStep(step)) && good;
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return good;
}

async function runStep(step) {
  const began = performance.now();
  if (step.skip?.()) {
    say(step.name, "up to date");
    return true;
  }
  const { status, output } = await run(step.command);
  step.after?.();
  if (status === 0) step.done?.();
  say(step.name, status === 0 ? seconds(began) : `FAILED after ${seconds(began)}`);
  sayOnce(output.trim());
  return status === 0;
}

/** Four kernels from one source fail with one message. */
function sayOnce(output) {
  if (output !== "" && !said.has(output)) process.stderr.write(`${output}\n`);
  said.add(output);
}

/** Seconds since `began`, for people. */
export const seconds = (began) => `${((performance.now() - began) / 1000).toFixed(1)} s`;

function say(name, outcome) {
  console.log(`${name.padEnd(24)} ${outcome}`);
}

/** Runs a node script with arguments; what it prints on both streams, in order. */
function run(command) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, command, {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    }
    child.on("error", (error) => resolve({ status: 1, output: String(error) }));
    child.on("close", (status) => resolve({ status: status ?? 1, output }));
  });
}
