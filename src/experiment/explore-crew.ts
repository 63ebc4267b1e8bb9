// The workers of a search: threads that are handed jobs, a few ahead so that they need not wait, and that
// end with the search, whatever ends it.

import { Worker } from "node:worker_threads";
import type { SliceResult } from "../engine/explore/slice.ts";
import { ConfigError } from "../kernel/error.ts";
import { unpackError } from "../kernel/packed-error.ts";
import { HORIZON, LIVE, type CrewReply, type CrewStart } from "./explore-crew-messages.ts";
import type { Job } from "./explore-ledger.ts";
import type { SubjectParcel } from "./explore-subject.ts";

/** Where the worker's script is: Node 20 cannot load TypeScript in a worker, so it is the built one. */
const WORKER_URL = import.meta.url.endsWith(".ts")
  ? new URL("../../dist/experiment/explore-worker.js", import.meta.url)
  : new URL("./explore-worker.js", import.meta.url);

/** Jobs that a worker has, at most. */
const JOBS = 2;
/** No phase is above it. */
const NO_HORIZON = 2 ** 31 - 1;

/** Where jobs come from, and where what comes of them goes. */
export interface CrewDesk {
  take(): Job | undefined;
  give(id: number, result: SliceResult): void;
  /** States that a worker has met. */
  meet(states: BigUint64Array): void;
}

interface Hand {
  readonly worker: Worker;
  isReady: boolean;
  /** Jobs that it has. */
  jobs: number;
}

/** See the head of the file. */
export class Crew {
  readonly #desk: CrewDesk;
  readonly #hands: readonly Hand[];
  readonly #words: Int32Array;
  #dead: Error | undefined;
  #isClosed = false;
  #wake: () => void = () => undefined;

  constructor(parcel: SubjectParcel, size: number, desk: CrewDesk) {
    this.#desk = desk;
    const shared = new SharedArrayBuffer(4 * (LIVE + size));
    this.#words = new Int32Array(shared);
    this.#words[HORIZON] = NO_HORIZON;
    this.#hands = Array.from({ length: size }, (_, index) => {
      const workerData: CrewStart = { parcel, shared, index };
      const worker = new Worker(WORKER_URL, { workerData, execArgv: [] });
      const hand = { worker, isReady: false, jobs: 0 };
      this.#listen(hand, index);
      return hand;
    });
  }

  /** How many jobs they can have together. */
  get places(): number {
    return this.#hands.length * JOBS;
  }

  /** All of them can work. */
  get isUp(): boolean {
    return this.#hands.every(({ isReady }) => isReady);
  }

  /** Executions of the jobs that they are at. */
  get live(): number {
    return this.#words.subarray(LIVE).reduce((sum, count) => sum + count, 0);
  }

  /** Hands out jobs. Throws what has ended a worker. */
  feed(): void {
    if (this.#dead !== undefined) throw this.#dead;
    for (let round = 0; round < JOBS; round++) {
      for (const hand of this.#hands) {
        if (!hand.isReady || hand.jobs > round) continue;
        const job = this.#desk.take();
        if (job === undefined) return;
        hand.jobs++;
        hand.worker.postMessage(job);
      }
    }
  }

  /** Work of phases above this one is not wanted. */
  lower(horizon: number): void {
    Atomics.store(this.#words, HORIZON, Math.min(horizon, NO_HORIZON));
  }

  /** Waits for something to happen, but no longer than `ms`. */
  async wait(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Asks all to leave off, and waits for what they have. */
  async drain(): Promise<void> {
    this.lower(-1);
    while (this.#dead === undefined && this.#hands.some(({ jobs }) => jobs > 0)) {
      await this.wait(1000);
    }
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#hands.map(({ worker }) => worker.terminate()));
  }

  #listen(hand: Hand, index: number): void {
    const { worker } = hand;
    worker.on("message", (reply: CrewReply) => {
      this.#receive(hand, index, reply);
      this.#wake();
    });
    worker.on("error", (error) => {
      this.#fail(stopped(index, String(error)));
    });
    worker.on("exit", (status) => {
      this.#fail(stopped(index, `status ${status}`));
    });
  }

  #receive(hand: Hand, index: number, reply: CrewReply): void {
    if (this.#isClosed) return;
    switch (reply.type) {
      case "ready":
        hand.isReady = true;
        break;
      case "done":
        hand.jobs--;
        this.#desk.give(reply.id, reply.result);
        if (reply.states !== undefined) this.#desk.meet(reply.states);
        break;
      case "failed":
        this.#fail(wordsOf(index, unpackError(reply.error)));
        return;
    }
  }

  #fail(error: Error): void {
    if (this.#isClosed) return;
    this.#dead ??= error;
    this.#wake();
  }
}

function stopped(index: number, why: string): Error {
  return new Error(`worker ${index} of the search has stopped: ${why}`);
}

/** What the user did stays as it is; anything else is said to be the worker's. */
function wordsOf(index: number, error: Error): Error {
  if (error instanceof ConfigError) return error;
  const told = stopped(index, error.message);
  told.stack = error.stack ?? "";
  return told;
}
