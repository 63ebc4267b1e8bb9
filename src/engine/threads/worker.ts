// The body of one CPU: a worker thread that runs the CPU loop and, when the host asks for
// attention, answers its requests. While it is in the event loop the CPU counts as idle: it uses no
// translation (lazy TLB).

import { parentPort, workerData } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { instantiateCpu } from "../../kernel/load.ts";
import { packError } from "../../kernel/packed-error.ts";
import { CpuLoop, quiesceCpu } from "../../machine/cpu-loop.ts";
import { importClient } from "../../machine/client-module.ts";
import { importProgram } from "../../machine/program.ts";
import { Mailbox } from "./mailbox.ts";
import type { Reply, Request, WorkerStart } from "./messages.ts";

const port = parentPort as MessagePort;
const start = workerData as WorkerStart;
const say = (reply: Reply): void => {
  port.postMessage(reply);
};

const cpu = instantiateCpu(start.module, start.memory, start.cpu, () => performance.now() * 1e6);
const mailbox = new Mailbox(port);
const loop = new CpuLoop(cpu, start.config, {
  reportThrown: (error) => {
    say({ type: "stray", error: packError(error) });
  },
  sharedOf: (job) => mailbox.sharedOf(job),
});

/** Runs a job; what the program threw comes back as it is, a trap of the kernel ends the CPU. */
function runJob(job: number, program: number, args: readonly number[]): unknown {
  cpu.k.leave_lazy();
  try {
    const result = loop.runJob(job, program, args);
    cpu.k.enter_rest();
    return result;
  } catch (error) {
    // After a trap the kernel is left as it is.
    if (!(error instanceof WebAssembly.RuntimeError)) cpu.k.enter_rest();
    throw error;
  }
}

async function answer(request: Request): Promise<unknown> {
  switch (request.type) {
    case "program": {
      const { entry } = request;
      loop.addProgram(entry.id, entry.name, await importProgram(entry));
      return undefined;
    }
    case "client":
      loop.addClient(request.entry.id, await importClient(request.entry.url));
      return undefined;
    case "job":
      return runJob(request.id, request.program, request.args);
    case "quiesce":
      cpu.k.leave_lazy();
      quiesceCpu(cpu);
      cpu.k.enter_rest();
      return undefined;
    case "stop":
      return undefined;
  }
}

/** Answers one request; false when it was the last. */
async function serve(request: Request): Promise<boolean> {
  const { id } = request;
  try {
    say({ type: "done", id, result: await answer(request) });
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) throw error;
    say({ type: "failed", id, error: packError(error) });
  }
  return request.type !== "stop";
}

/** Every request that has arrived. Returns false after a stop. */
async function serveHost(): Promise<boolean> {
  for (;;) {
    const request = mailbox.next();
    if (request === undefined) return true;
    if (!(await serve(request))) return false;
  }
}

/** What trapped, and where: the innermost kernel functions. */
function describeTrap(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frames = [...(error.stack ?? "").matchAll(/at assembly\/(\S+)/g)].map((match) => match[1]);
  return frames.length === 0
    ? error.message
    : `${error.message} in ${frames.slice(0, 4).join(" < ")}`;
}

async function main(): Promise<void> {
  say({ type: "ready" });
  for (;;) {
    cpu.k.leave_lazy();
    loop.serveTasks();
    cpu.k.enter_rest();
    if (!(await serveHost())) return;
  }
}

try {
  await main();
} catch (error) {
  say({ type: "trap", message: describeTrap(error) });
}
port.close();
