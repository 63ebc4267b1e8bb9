// One build at a time in a working tree: a second one waits for the first and then finds its work done.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fromRoot } from "./project.mjs";

const LOCK = fromRoot("build/.lock");
const POLL_MS = 200;

/** Runs `work` alone. A lock whose owner is gone is taken over. */
export async function alone(work) {
  mkdirSync(fromRoot("build"), { recursive: true });
  for (let polls = 0; !take(); polls++) {
    if (polls === 0) console.log(`waiting for the build of process ${owner()}`);
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

function take() {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    if (!isAlive(owner())) rmSync(LOCK, { force: true });
    return false;
  }
}

function owner() {
  try {
    return Number(readFileSync(LOCK, "utf8"));
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
