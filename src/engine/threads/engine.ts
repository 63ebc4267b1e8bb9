// Real CPUs: a worker thread for each, over one shared memory, in real time. The host talks to a
// CPU by message and raises its attention word, so that a CPU that sleeps in the kernel comes back
// to its event loop to listen.

import { Worker } from "node:worker_threads";
import { ATTENTION_HOST, PERCPU_AREAS, PERCPU_SIZE, PerCpu } from "../../layout/structs.gen.ts";
import { memoryViews, type MemoryViews } from "../../layout/view.ts";
import { ConfigError } from "../../kernel/error.ts";
import { unpackError } from "../../kernel/packed-error.ts";
import { bugOfTrap } from "../../machine/bug-report.ts";
import type { MachineConfig } from "../../machine/config.ts";
import type { ClientEntry } from "../../machine/client-module.ts";
import type { ProgramEntry } from "../../machine/program.ts";
import type { Engine, Job, RunningEngine } from "../contract.ts";
import type { Notice, Reply, Request, WorkerStart } from "./messages.ts";

/** Stack of a CPU: tasks that wait for children nest on it. */
const STACK_MIB = 32;

/**
 * Where the worker's script is: Node 20 cannot load TypeScript in a worker, so it is always the
 * built one.
 */
const WORKER_URL = import.meta.url.endsWith(".ts")
  ? new URL("../../../dist/engine/threads/worker.js", import.meta.url)
  : new URL("./worker.js", import.meta.url);

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Body = Request extends infer R ? (R extends { id: number } ? Omit<R, "id"> : never) : never;

/** A worker that ends without a word was ended from within. */
function endedItself(cpu: number): string {
  return `CPU ${cpu} has stopped: a program ended its thread, with process.exit() perhaps; use task.exit()`;
}

class ThreadsEngine implements RunningEngine {
  readonly #workers: Worker[];
  readonly #memory: MemoryViews;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  /** Why nothing can run any more. */
  #dead: Error | undefined;

  constructor(workers: Worker[], memory: MemoryViews) {
    this.#workers = workers;
    this.#memory = memory;
    workers.forEach((worker, cpu) => {
      worker.on("message", (reply: Reply) => {
        this.#receive(cpu, reply);
      });
      worker.on("error", (error) => {
        this.#fail(error instanceof Error ? error : new Error(String(error)));
      });
      worker.on("exit", () => {
        this.#fail(new ConfigError(endedItself(cpu)));
      });
    });
  }

  async addProgram(entry: ProgramEntry): Promise<void> {
    await this.#ask({ type: "program", entry });
  }

  async addClient(entry: ClientEntry): Promise<void> {
    await this.#ask({ type: "client", entry });
  }

  async run(job: Job): Promise<unknown> {
    const { program, args, shared } = job;
    const id = ++this.#lastId;
    this.#tell({ type: "shared", job: id, shared });
    try {
      return await this.#request(job.cpu, { type: "job", program: program.id, args }, id);
    } finally {
      this.#tell({ type: "ended", job: id });
    }
  }

  async quiesce(): Promise<void> {
    // Twice: what one CPU gives back may land on the lists of another.
    await this.#ask({ type: "quiesce" });
    await this.#ask({ type: "quiesce" });
  }

  async stop(): Promise<void> {
    this.#dead ??= new Error("the machine has been stopped");
    for (const pending of this.#pending.values()) pending.reject(this.#dead);
    this.#pending.clear();
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  /** Sends a request to every CPU. */
  async #ask(body: Body): Promise<void> {
    await Promise.all(this.#workers.map((_, cpu) => this.#request(cpu, body)));
  }

  /** Tells every CPU something it will hear when it next listens. */
  #tell(notice: Notice): void {
    for (const worker of this.#workers) worker.postMessage(notice);
  }

  async #request(cpu: number, body: Body, id: number = ++this.#lastId): Promise<unknown> {
    if (this.#dead !== undefined) throw this.#dead;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#workers[cpu]?.postMessage({ id, ...body });
      this.#raiseAttention(cpu);
    });
  }

  #raiseAttention(cpu: number): void {
    const area = PERCPU_AREAS + cpu * PERCPU_SIZE;
    const { i32 } = this.#memory;
    Atomics.or(i32, (area + PerCpu.attention) >>> 2, ATTENTION_HOST);
    Atomics.add(i32, (area + PerCpu.wake_word) >>> 2, 1);
    Atomics.notify(i32, (area + PerCpu.wake_word) >>> 2);
  }

  #receive(cpu: number, reply: Reply): void {
    switch (reply.type) {
      case "ready":
        return;
      case "done":
        this.#pending.get(reply.id)?.resolve(reply.result);
        this.#pending.delete(reply.id);
        return;
      case "failed":
        this.#pending.get(reply.id)?.reject(unpackError(reply.error));
        this.#pending.delete(reply.id);
        return;
      case "stray":
        this.#fail(unpackError(reply.error));
        return;
      case "trap":
        this.#fail(bugOfTrap(this.#memory, cpu, reply.message));
        return;
    }
  }

  /** The first failure ends the machine: every request is told, every CPU is stopped. */
  #fail(error: Error): void {
    if (this.#dead !== undefined) return;
    this.#dead = error;
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    for (const worker of this.#workers) void worker.terminate();
  }
}

function startWorker(start: WorkerStart): Promise<Worker> {
  const worker = new Worker(WORKER_URL, {
    workerData: start,
    execArgv: [],
    resourceLimits: { stackSizeMb: STACK_MIB },
  });
  return new Promise((resolve, reject) => {
    worker.once("message", () => {
      worker.off("error", reject);
      resolve(worker);
    });
    worker.once("error", reject);
  });
}

/** Starts a worker thread for each CPU. */
export const threadsEngine: Engine = async (
  config: MachineConfig,
  memory: WebAssembly.Memory,
  module: WebAssembly.Module,
) => {
  const starts = Array.from({ length: config.cpus }, (_, cpu) => ({ cpu, config, memory, module }));
  const workers = await Promise.all(starts.map(startWorker));
  return new ThreadsEngine(workers, memoryViews(memory.buffer as unknown as SharedArrayBuffer));
};
