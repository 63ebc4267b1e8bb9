// The explorer's wasm part as the host calls it, and the events that it writes down.
// What the numbers mean is said in assembly/explorer/index.ts.

import { ConfigError } from "../../kernel/error.ts";
import { loadBuilt } from "../../kernel/load.ts";

/** CPUs that can be explored together. */
export const MAX_CPUS = 8;
/** A turn without end. */
export const UNLIMITED = 0xffff_ffff;
const PAGE_BYTES = 65_536;
/** What explorer.wasm asks for at least. */
const PROBE_PAGES = 16;

/** Kinds of events. */
export const Kind = {
  load: 0,
  store: 1,
  atomicLoad: 2,
  atomicStore: 3,
  rmw: 4,
  cmpxchg: 5,
  wait: 6,
  bulkRead: 7,
  bulkWrite: 8,
  writeOnce: 9,
} as const;

/** Why a turn ended. */
export const Reason = {
  finished: 0,
  preempted: 1,
  blocked: 2,
  suspected: 3,
  asleep: 4,
  overrun: 5,
  outOfBounds: 6,
  forbidden: 7,
} as const;

const WRITES =
  (1 << Kind.store) |
  (1 << Kind.atomicStore) |
  (1 << Kind.rmw) |
  (1 << Kind.cmpxchg) |
  (1 << Kind.bulkWrite) |
  (1 << Kind.writeOnce);
const ATOMICS =
  (1 << Kind.atomicLoad) |
  (1 << Kind.atomicStore) |
  (1 << Kind.rmw) |
  (1 << Kind.cmpxchg) |
  (1 << Kind.wait);

/** True for kinds that change memory. */
export const isWrite = (kind: number): boolean => ((WRITES >> kind) & 1) === 1;
/** True for kinds that order other accesses. */
export const isAtomic = (kind: number): boolean => ((ATOMICS >> kind) & 1) === 1;

/** The exports of assembly/explorer. */
export interface RuntimeCalls {
  readonly bytes_needed: () => number;
  readonly status_address: () => number;
  readonly events_address: () => number;
  readonly values_address: () => number;
  readonly configure: (eventLimit: number, record: boolean, detectSpins: boolean) => void;
  readonly configure_turns: (log: boolean, breakOnWake: boolean) => void;
  readonly configure_cpu: (
    cpu: number,
    privateFrom: number,
    privateTo: number,
    attention: number,
    attentionMask: number,
  ) => void;
  readonly configure_unobserved: (from: number, to: number) => void;
  readonly configure_history: (from: number, to: number) => void;
  readonly configure_noise: (
    base: number,
    size: number,
    stride: number,
    from: number,
    to: number,
    from2: number,
    to2: number,
  ) => void;
  readonly configure_shadow: (classes: number) => void;
  readonly site_classes_address: () => number;
  readonly max_sites: () => number;
  readonly mark: (addr: number, size: number, addressable: number) => void;
  readonly is_marked: (addr: number) => number;
  readonly get_was_forbidden: () => number;
  readonly get_forbidden_meta: () => number;
  readonly get_forbidden_address: () => number;
  readonly state_hash: () => bigint;
  readonly is_undo_full: () => number;
  readonly begin: (cpus: number) => void;
  readonly undo: () => void;
  readonly learn: (on: boolean) => void;
  readonly get_known: () => number;
  readonly was_vain: () => number;
  readonly get_events: () => number;
  readonly enter: (cpu: number, steps: number) => void;
  readonly rewind: () => void;
  readonly unwound: () => void;
  readonly is_unwinding: () => number;
  readonly leave: () => number;
  readonly put_to_sleep: (cpu: number, meta: number, addr: number, size: number) => void;
  readonly point: (meta: number, addr: number) => number;
  readonly bulk: (meta: number, target: number, source: number, size: number) => number;
  readonly quiet: (addr: number, size: number) => void;
  readonly wait: (meta: number, addr: number, seen: number, attends: number) => number;
}

/** How things stand between two turns (assembly/explorer/layout.ts): words behind those of the machine. */
export class Status {
  readonly #words: Uint32Array;
  readonly #at: number;

  /** @param address in bytes */
  constructor(words: Uint32Array, address: number) {
    this.#words = words;
    this.#at = address >>> 2;
  }

  /** Bits of the CPUs that can run. */
  get runnable(): number {
    return this.#words[this.#at] as number;
  }

  /** Bits of those that wait. */
  get blocked(): number {
    return this.#words[this.#at + 1] as number;
  }

  /** True when `cpu` has frames to go back to. */
  isSuspended(cpu: number): boolean {
    return (((this.#words[this.#at + 2] as number) >>> cpu) & 1) === 1;
  }

  /** Bits of the CPUs whose next event other executions have. */
  get asleep(): number {
    return this.#words[this.#at + 3] as number;
  }

  /** Events of this execution. */
  get events(): number {
    return this.#words[this.#at + 4] as number;
  }

  /** Those of them that were vain attempts. */
  get vain(): number {
    return this.#words[this.#at + 5] as number;
  }
}

/** The runtime over one memory, and what instrumented instances import from it. */
export interface Runtime {
  readonly calls: RuntimeCalls;
  readonly status: Status;
  readonly memory: WebAssembly.Memory;
  readonly words: Uint32Array;
  readonly wide: BigUint64Array;
  /** Word index of the first event. */
  readonly events: number;
  /** Index in `wide` of the first pair of values. */
  readonly values: number;
  readonly imports: Record<string, Record<string, WebAssembly.ImportValue>>;
  /** Whether frames are being unwound or rebuilt: see Asyncify. */
  readonly asyncify: WebAssembly.Global<"i32">;
}

/** Values of Runtime.asyncify. */
export const Asyncify = { normal: 0, unwinding: 1, rewinding: 2 } as const;

/**
 * Makes a runtime whose words lie behind `machineBytes` of memory, a multiple of 64 KiB. The memory is
 * made here too.
 * @throws ConfigError when the memory cannot be had
 */
export function createRuntime(machineBytes: number): Runtime {
  const state = new WebAssembly.Global({ value: "i32", mutable: true }, 0);
  const data = new WebAssembly.Global({ value: "i32", mutable: true }, 0);
  const base = new WebAssembly.Global({ value: "i32", mutable: false }, machineBytes);
  const env = { __asyncify_state: state, __asyncify_data: data };
  const instantiate = (memory: WebAssembly.Memory): RuntimeCalls => {
    const imports = { env: { ...env, memory }, explore: { base } };
    const { exports } = new WebAssembly.Instance(loadBuilt("explorer.wasm"), imports);
    // A copy: exports cannot be replaced, and a bench times some of them.
    return { ...exports } as unknown as RuntimeCalls;
  };
  const first = machineBytes / PAGE_BYTES;
  // How much the explorer needs does not depend on the machine: the smallest memory will do.
  const probe = instantiate(allocate(PROBE_PAGES));
  const memory = allocate(first + Math.ceil(probe.bytes_needed() / PAGE_BYTES));
  const calls = instantiate(memory);
  const value = new WebAssembly.Global({ value: "i64", mutable: true }, 0n);
  const { point, bulk, wait, quiet, mark } = calls;
  const explore = { point, bulk, wait, quiet, mark, value };
  const imports = { env: { ...env, memory }, explore };
  const words = new Uint32Array(memory.buffer);
  return {
    calls,
    status: new Status(words, calls.status_address()),
    memory,
    words,
    wide: new BigUint64Array(memory.buffer),
    events: calls.events_address() >>> 2,
    values: calls.values_address() >>> 3,
    imports,
    asyncify: state,
  };
}

function allocate(pages: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: 65_536, shared: true });
  } catch {
    throw new ConfigError(
      `the explorer cannot have ${pages * 64} KiB of memory: close other programs or explore with less --memory`,
    );
  }
}

/** Number of words of an event. */
export const EVENT_WORDS = 4;
