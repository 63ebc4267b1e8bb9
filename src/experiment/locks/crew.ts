// The CPUs of the bench: worker threads. A lock can hang them or trap, so they are watched: who is not back
// some time after being told to stop is ended with all the others, and the next pass gets a new crew.

import { Worker } from "node:worker_threads";
import { Patience } from "../patience.ts";
import type { BenchReply, BenchRequest, BenchStart } from "./messages.ts";
import type { BenchMemory, Phase } from "./memory.ts";

/** Where the worker's script is: Node 20 cannot load TypeScript in a worker, so it is the built one. */
const WORKER_URL = import.meta.url.endsWith(".ts")
  ? new URL("../../../dist/experiment/locks/worker.js", import.meta.url)
  : new URL("./worker.js", import.meta.url);

/** How often a pass asks whether the user has had enough, in ms. */
const LOOK_MS = 50;
/** Time that other CPUs get to end when the code of a lock has trapped on one, in ms. */
const AFTER_TRAP_MS = 200;

/** A lock as CPUs load it. */
export interface Loaded {
  readonly module: WebAssembly.Module;
  readonly bench: BenchMemory;
}

/** How a pass ended. */
export type Ending =
  | { readonly kind: "stopped" }
  /** What each CPU did when the host had waited long enough. */
  | { readonly kind: "hangs"; readonly phases: readonly (Phase | "back")[] }
  | { readonly kind: "trapped"; readonly cpu: number; readonly message: string };

/** One pass: `name` is an export of the bench. */
export interface Pass {
  readonly lock: number;
  readonly name: string;
  readonly cpus: number;
  readonly milliseconds: number;
}

interface Hand {
  readonly worker: Worker;
  answer: (reply: BenchReply) => void;
}

/** See the head of the file. */
export class BenchCrew {
  readonly #loaded: readonly Loaded[];
  readonly #size: number;
  readonly #hangMs: number;
  #hands: Hand[] = [];

  /** @param hangMs how long after the end of a pass a lock hangs */
  constructor(loaded: readonly Loaded[], size: number, hangMs: number) {
    this.#loaded = loaded;
    this.#size = size;
    this.#hangMs = hangMs;
  }

  /** Runs a loop on the first `cpus` CPUs until its time is over, or until `isOver`. */
  async run(pass: Pass, isOver: () => boolean): Promise<Ending> {
    await this.#open();
    const { lock, name, cpus, milliseconds } = pass;
    const { bench } = this.#loaded[lock] as Loaded;
    const isBack = new Array<boolean>(cpus).fill(false);
    let trap: Ending | undefined;
    let end = (): void => undefined;
    const trapped = new Promise<void>((resolve) => (end = resolve));
    const calls = this.#hands.slice(0, cpus).map(async (hand, cpu) => {
      const prepareFor = cpu === 0 ? cpus : undefined;
      const reply = await ask(hand, { type: "call", lock, name, argument: undefined, prepareFor });
      isBack[cpu] = true;
      if (reply.type !== "trapped") return;
      trap ??= { kind: "trapped", cpu, message: reply.message };
      end();
    });
    await Promise.race([trapped, pause(milliseconds, isOver)]);
    bench.stop();
    const patience = trap === undefined ? this.#hangMs : AFTER_TRAP_MS;
    const areBack = (): boolean => isBack.every(Boolean);
    await Promise.race([Promise.all(calls), patiently(patience, areBack)]);
    if (trap !== undefined || !areBack()) {
      const phases = isBack.map((back, cpu) => (back ? "back" : bench.phase(cpu)));
      await this.close();
      return trap ?? { kind: "hangs", phases };
    }
    return { kind: "stopped" };
  }

  /** Calls an export on CPU 0. For code of ours: throws if it traps. */
  async call(lock: number, name: string, argument: number): Promise<number> {
    await this.#open();
    const [hand] = this.#hands as [Hand];
    const reply = await ask(hand, { type: "call", lock, name, argument, prepareFor: undefined });
    if (reply.type === "done") return reply.result;
    throw new Error(
      `${name} of the bench failed: ${reply.type === "trapped" ? reply.message : ""}`,
    );
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    const hands = this.#hands;
    this.#hands = [];
    await Promise.all(hands.map(({ worker }) => worker.terminate()));
  }

  async #open(): Promise<void> {
    if (this.#hands.length > 0) return;
    this.#hands = await Promise.all(Array.from({ length: this.#size }, (_, cpu) => openHand(cpu)));
    this.#loaded.forEach(({ module, bench: { memory } }, lock) => {
      for (const { worker } of this.#hands) {
        worker.postMessage({ type: "lock", lock, module, memory } satisfies BenchRequest);
      }
    });
  }
}

function openHand(cpu: number): Promise<Hand> {
  const workerData: BenchStart = { cpu };
  const worker = new Worker(WORKER_URL, { workerData, execArgv: [] });
  return new Promise((resolve, reject) => {
    const hand: Hand = { worker, answer: () => undefined };
    worker.once("error", reject);
    worker.once("message", () => {
      worker.on("message", (reply: BenchReply) => {
        hand.answer(reply);
      });
      worker.on("error", (error) => {
        hand.answer({ type: "trapped", message: String(error) });
      });
      resolve(hand);
    });
  });
}

/** A request that is answered; a thread that ends never answers. */
function ask(hand: Hand, request: BenchRequest): Promise<BenchReply> {
  return new Promise((resolve) => {
    hand.answer = resolve;
    hand.worker.postMessage(request);
  });
}

/** Waits, and looks now and then whether it is over already. */
async function pause(milliseconds: number, isOver: () => boolean): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!isOver()) {
    const left = end - performance.now();
    if (left <= 0) return;
    await new Promise((resolve) => setTimeout(resolve, Math.min(left, LOOK_MS)));
  }
}

/** The same for a limit, on a host that may be busy with other things: see Patience. */
async function patiently(milliseconds: number, isOver: () => boolean): Promise<void> {
  const patience = new Patience();
  while (!isOver() && patience.waitedMs() < milliseconds) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
