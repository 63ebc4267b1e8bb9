// What a program gets for an access that is not allowed: a typed error, which it may handle. One
// that it does not handle ends the process, as the signal would, and nothing else.
// node docs/examples/signals.mjs

import { isMainThread } from "node:worker_threads";
import { Machine, MachineSignal } from "racier";

/** Tries an access and tells how it went. */
function attempt(what, access) {
  try {
    return `${what}: ${access() ?? "done"}`;
  } catch (error) {
    if (!(error instanceof MachineSignal)) throw error;
    return `${what}: ${error.signal}, ${error.access} at 0x${error.address.toString(16)}`;
  }
}

export function accesses(task) {
  const page = task.mmap({ length: 8192, read: true, write: true });
  const file = task.createFile({ content: new Uint8Array(100) });
  const mapped = task.mmap({ length: 8192, read: true, file });
  task.store32(page, 42);
  task.mprotect(page, 4096, { read: true });
  task.munmap(page + 4096, 4096);
  return [
    attempt("load from a read-only page", () => task.load32(page)),
    attempt("store to a read-only page", () => task.store32(page, 43)),
    attempt("load from an unmapped page", () => task.load32(page + 4096)),
    attempt("load of 32 bits at an odd address", () => task.load32(page + 1)),
    attempt("load behind the last page of a file", () => task.load8(mapped + 4096)),
    attempt("load again", () => task.load32(page)),
  ];
}

/** The child handles nothing. */
export function parent(task) {
  task.fork("crash");
  return task.wait();
}

export function crash(task) {
  task.store8(0, 1);
}

async function main() {
  const machine = await Machine.boot({ memory: "16M" });
  try {
    await machine.load({ module: import.meta.url, programs: ["accesses", "parent", "crash"] });
    for (const line of await machine.run("accesses")) console.log(line);
    const { status, signal } = await machine.run("parent");
    console.log(`a child that crashed: status ${status}, signal ${signal}`);
    const error = await machine.run("crash").catch((reason) => reason);
    console.log(`a program of the host that crashed: ${error.name}, ${error.message}`);
  } finally {
    await machine.stop();
  }
}

if (isMainThread) main();
