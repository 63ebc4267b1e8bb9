// The hall: every scenario on each of its kernels, first as it is, then without each measure against the
// race that it shows. Several exhibits at a time, one in each worker.

import { Worker } from "node:worker_threads";
import { unpackError, type ErrorMessage } from "../kernel/packed-error.ts";
import { PLACES, type Exhibit, type ExhibitOptions, type Place } from "./explore-exhibit.ts";

export type { Exhibit } from "./explore-exhibit.ts";

/** What holds for every exhibit. */
export interface HallOptions extends ExhibitOptions {
  /** Time for all exhibits. */
  readonly seconds: number;
  /** Exhibits that are shown at a time. */
  readonly workers: number;
  readonly interrupted?: (() => boolean) | undefined;
  readonly onExhibit?: (done: number, total: number, name: string) => void;
}

/** What a worker is asked for: the exhibit at a place. */
export interface HallRequest {
  readonly index: number;
  readonly seconds: number;
}

/** What it answers. */
export type HallReply =
  | { readonly index: number; readonly exhibit: Exhibit }
  | { readonly index: number; readonly error: ErrorMessage };

/** A broken kernel is given more time than its share, since it ends when it is found. */
const PATIENCE = 4;
const MS_BETWEEN_LOOKS = 50;

/** See explore-crew.ts. */
const WORKER_URL = import.meta.url.endsWith(".ts")
  ? new URL("../../dist/experiment/explore-hall-worker.js", import.meta.url)
  : new URL("./explore-hall-worker.js", import.meta.url);

/** Walks the hall; stops early when interrupted. Exhibits come in the order of their places. */
export async function runHall(options: HallOptions): Promise<Exhibit[]> {
  const { off, seed, strategy, depth } = options;
  const shared = new SharedArrayBuffer(4);
  const workerData = { options: { off, seed, strategy, depth }, shared };
  const count = Math.min(options.workers, PLACES.length);
  const workers = Array.from(
    { length: count },
    () => new Worker(WORKER_URL, { workerData, execArgv: [] }),
  );
  const flag = new Int32Array(shared);
  const timer = setInterval(() => {
    if (options.interrupted?.() === true) Atomics.store(flag, 0, 1);
  }, MS_BETWEEN_LOOKS);
  try {
    return await new Hall(options).show(workers);
  } finally {
    clearInterval(timer);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

class Hall {
  readonly #options: HallOptions;
  readonly #share: number;
  readonly #exhibits: (Exhibit | undefined)[] = [];
  #next = 0;
  #done = 0;

  constructor(options: HallOptions) {
    this.#options = options;
    const clean = PLACES.filter(({ without }) => without === null).length;
    this.#share = (options.seconds * options.workers) / (clean + 1);
  }

  /** Every worker takes the next place, until there is none. */
  async show(workers: readonly Worker[]): Promise<Exhibit[]> {
    await Promise.all(workers.map((worker) => this.#keepBusy(worker)));
    return this.#exhibits.filter((exhibit) => exhibit !== undefined);
  }

  async #keepBusy(worker: Worker): Promise<void> {
    while (this.#next < PLACES.length && this.#options.interrupted?.() !== true) {
      const index = this.#next++;
      const { scenario, kernel, without } = PLACES[index] as Place;
      this.#options.onExhibit?.(this.#done, PLACES.length, `${scenario.name}, ${kernel}`);
      const seconds = without === null ? this.#share : this.#share * PATIENCE;
      this.#exhibits[index] = await ask(worker, { index, seconds });
      this.#done++;
    }
  }
}

/** Throws what has gone wrong in the worker. */
function ask(worker: Worker, request: HallRequest): Promise<Exhibit> {
  return new Promise((resolve, reject) => {
    const onExit = (status: number): void => {
      reject(new Error(`a worker of the hall has stopped, with status ${status}`));
    };
    worker.once("error", reject);
    worker.once("exit", onExit);
    worker.once("message", (reply: HallReply) => {
      worker.off("error", reject);
      worker.off("exit", onExit);
      if ("exhibit" in reply) resolve(reply.exhibit);
      else reject(unpackError(reply.error));
    });
    worker.postMessage(request);
  });
}
