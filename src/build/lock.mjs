// One build at a time, in a working tree or of one file: a second one waits for the first and then finds its work done.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fromRoot } from "./project.mjs";

const LOCK = fromRoot("build/.lock");
const POLL_MS = 200;

/**
 * Runs `work` alone. A lock whose owner is gone is taken over.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @param {string} [lock] file that stands for the right to work
 * @param {(owner: number) => void} [waits] called once, when another process is at work
 */
export async function alone(work, lock = LOCK, waits = sayWaiting) {
  mkdirSync(dirname(lock), { recursive: true });
  for (let polls = 0; !take(lock); polls++) {
    if (polls === 0) waits(owner(lock));
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function sayWaiting(pid) {
  console.log(`waiting for the build of process ${pid}`);
}

function take(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    if (!isAlive(owner(lock))) rmSync(lock, { force: true });
    return false;
  }
}

function owner(lock) {
  try {
    return Number(readFileSync(lock, "utf8"));
  } catch {
    return 0;
  }
}

/** A lock that is empty is being written this moment: its owner lives. */
function isAlive(pid) {
  if (pid === 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
