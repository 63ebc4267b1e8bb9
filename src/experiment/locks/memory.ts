// The memory of the bench as the host sees it: orders for the CPUs, what they counted, and the locks with
// what they protect. The places are those of assembly/lab/bench/area.ts; the sizes of both structs are
// compared when a lock is loaded.
//
//   a lock:  LOCK_BYTES │ guard, up to the end of a pair of lines and one more │ data (bench/section.ts)

import { LAB_MEMORY } from "../../lab/memory.ts";
import { BUCKETS } from "./histogram.ts";

const ORDERS = 0x20_0000;
const START = 0x20_0100;
const STOP = 0x20_0200;
const AREAS = 0x21_0000;
const AREA_BYTES = 0x1_0000;
const HISTOGRAMS = { wait: 0x1000, lost: 0x2000, hold: 0x3000 } as const;
const NODE = 0xc000;
const NODE_END = 0x1_0000;
/** Locks begin here. */
const LOCKS = 0x80_0000;
/** Two lines: the hardware fetches them together. */
const LINES = 128;
/** What the work under a lock adds to what it writes (bench/section.ts). */
const NOTHING = 0;
const GUARD_BYTE = 0xa5;

/** Sizes of the structs of bench/area.ts. */
export const ORDERS_BYTES = 44;
export const COUNTS_BYTES = 100;
/** Locks, at most: each CPU remembers its last turn under each. */
export const MAX_LOCKS = 4096;
/** Bytes of a node, at most. */
export const MAX_NODE_BYTES = 0x1000;
/** Bytes of a lock, at most. */
export const MAX_LOCK_BYTES = 0x1_0000;

/** What all CPUs are told. */
export interface Orders {
  readonly cpus: number;
  readonly locks: number;
  readonly holdTurns: number;
  readonly thinkTurns: number;
  /** 0 to 100. */
  readonly readersPercent: number;
  readonly tries: number;
  readonly sampleGap: number;
}

/** Sizes that a lock asks for. */
export interface LockSizes {
  readonly lockBytes: number;
  readonly nodeBytes: number;
}

/** What a CPU was doing when the host looked. */
export type Phase = "thinks" | "waits" | "holds";
const PHASES: readonly Phase[] = ["thinks", "waits", "holds"];

/** What one CPU found in one pass. */
export interface Counts {
  readonly taken: number;
  readonly reads: number;
  readonly lost: number;
  readonly same: number;
  readonly passed: number;
  readonly lostInRow: number;
  readonly torn: number;
  readonly retries: number;
  readonly elapsedNs: number;
  readonly waitMostNs: number;
  readonly holdMostNs: number;
}

/** Bytes from one lock to the next. */
function strideOf({ lockBytes }: LockSizes): number {
  return dataOf(lockBytes) + LINES;
}

function dataOf(lockBytes: number): number {
  return Math.ceil(lockBytes / LINES) * LINES + LINES;
}

/** Bytes that a bench of so many locks needs. */
export function benchBytes(sizes: LockSizes, locks: number): number {
  return LOCKS + locks * strideOf(sizes);
}

/** See the head of the file. */
export class BenchMemory {
  readonly memory: WebAssembly.Memory;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #view: DataView;

  constructor(bytes: number) {
    const pages = Math.ceil(bytes / 0x1_0000);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const { buffer } = this.memory;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
    this.#view = new DataView(buffer);
  }

  /** The memory in words, for what else is kept there. */
  get words(): Uint32Array {
    return new Uint32Array(this.memory.buffer);
  }

  /** Makes everything as new: free locks, empty counts, and the orders of the next pass. */
  prepare(orders: Orders, sizes: LockSizes, seed: number): void {
    const stride = strideOf(sizes);
    const { cpus, locks } = orders;
    this.#bytes.fill(0, LAB_MEMORY.percpu, LAB_MEMORY.percpu + cpus * LAB_MEMORY.percpuBytes);
    this.#bytes.fill(0, LOCKS, LOCKS + locks * stride);
    for (let lock = 0; lock < locks; lock++) {
      const at = LOCKS + lock * stride;
      this.#bytes.fill(GUARD_BYTE, at + sizes.lockBytes, at + dataOf(sizes.lockBytes));
    }
    for (let cpu = 0; cpu < cpus; cpu++) this.#prepareArea(cpu, sizes, locks, seed);
    const readers = Math.min(Math.round((orders.readersPercent / 100) * 2 ** 32), 2 ** 32 - 1);
    const words = [
      ...[cpus, locks, LOCKS, stride, dataOf(sizes.lockBytes), orders.holdTurns],
      ...[orders.thinkTurns, readers, orders.tries, orders.sampleGap, NOTHING],
    ];
    words.forEach((word, i) => {
      this.#view.setUint32(ORDERS + 4 * i, word, true);
    });
    Atomics.store(this.#words, START >>> 2, 0);
    Atomics.store(this.#words, STOP >>> 2, 0);
  }

  #prepareArea(cpu: number, { nodeBytes }: LockSizes, locks: number, seed: number): void {
    const area = areaOf(cpu);
    this.#bytes.fill(0, area, area + 0x4000 + 8 * locks);
    this.#bytes.fill(0, area + NODE, area + NODE + nodeBytes);
    this.#bytes.fill(GUARD_BYTE, area + NODE + nodeBytes, area + NODE_END);
    // Any odd number is a good multiplier here; the seed of a CPU must not be 0.
    const mixed = Math.imul(seed + 1, 0x9e37_79b1) ^ Math.imul(cpu + 1, 0x85eb_ca6b);
    this.#view.setUint32(area + 4, mixed | 1, true);
  }

  /** Tells all CPUs to leave. */
  stop(): void {
    Atomics.store(this.#words, STOP >>> 2, 1);
  }

  /** What CPU `cpu` does now. */
  phase(cpu: number): Phase {
    return PHASES[Atomics.load(this.#words, areaOf(cpu) >>> 2)] ?? "thinks";
  }

  /** What CPU `cpu` counted. */
  counts(cpu: number): Counts {
    const area = areaOf(cpu);
    const whole = (offset: number): number => Number(this.#view.getBigUint64(area + offset, true));
    const ns = (offset: number): number => this.#view.getFloat64(area + offset, true);
    return {
      ...{ taken: whole(8), reads: whole(16), lost: whole(24), same: whole(32) },
      ...{ passed: whole(40), lostInRow: whole(48), torn: whole(56), retries: whole(64) },
      ...{ elapsedNs: ns(72) },
      ...{ waitMostNs: ns(80), holdMostNs: ns(88) },
    };
  }

  /** Buckets of a histogram of CPU `cpu`. */
  histogram(cpu: number, which: keyof typeof HISTOGRAMS): Uint32Array {
    const at = areaOf(cpu) + HISTOGRAMS[which];
    return new Uint32Array(this.memory.buffer, at, BUCKETS);
  }

  /** Turns of writers under all locks, by the counters that the locks protect. */
  turnsDone(sizes: LockSizes, locks: number): number {
    let sum = 0;
    for (let lock = 0; lock < locks; lock++) {
      const data = LOCKS + lock * strideOf(sizes) + dataOf(sizes.lockBytes);
      const versions = [8, 24].map((offset) => this.#view.getBigUint64(data + offset, true));
      sum += Math.max(...versions.map(Number));
    }
    return sum;
  }

  /** Which guard was written to: "lock" or "node"; undefined: none. */
  brokenGuard(sizes: LockSizes, cpus: number, locks: number): "lock" | "node" | undefined {
    const isWhole = (from: number, to: number): boolean =>
      this.#bytes.subarray(from, to).every((byte) => byte === GUARD_BYTE);
    for (let lock = 0; lock < locks; lock++) {
      const at = LOCKS + lock * strideOf(sizes);
      if (!isWhole(at + sizes.lockBytes, at + dataOf(sizes.lockBytes))) return "lock";
    }
    for (let cpu = 0; cpu < cpus; cpu++) {
      const area = areaOf(cpu);
      if (!isWhole(area + NODE + sizes.nodeBytes, area + NODE_END)) return "node";
    }
    return undefined;
  }
}

const areaOf = (cpu: number): number => AREAS + cpu * AREA_BYTES;
