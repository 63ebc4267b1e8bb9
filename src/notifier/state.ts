// The state of a client: fields with types, in the machine's memory. A client says what it keeps, and gets an object
// with a property for each field; what it reads and writes is memory of the machine, so every CPU sees it, and the
// explorer can take it back. Nothing is cached.
//
//   state: { mmuLock: spinlock(), seq: u32(), spte: entries(64) }
//   self.mmuLock.lock();  self.seq++;  self.spte.set(3, entry);

import type { Cpu } from "../kernel/load.ts";

/** A kind of field: its size, and what a client finds in its place. */
export interface FieldType<T> {
  readonly bytes: number;
  /** A plain word; undefined: an object made by `view`. */
  readonly word: "i32" | "u32" | undefined;
  /** Makes what a client finds, for the field at an address. */
  readonly view: (cpu: Cpu, address: number) => T;
  /** Called once, when the state is made: a field of zeros needs nothing. */
  readonly init?: (cpu: Cpu, address: number) => void;
}

/** The fields of a client's state. */
export type StateFields = Readonly<Record<string, FieldType<unknown>>>;

/** What a client sees of them. Words can be assigned. */
export type StateOf<L extends StateFields> = {
  -readonly [K in keyof L]: L[K] extends FieldType<infer T> ? T : never;
};

/** A lock that spins. */
export interface SpinLockField {
  /** Waits for it, spinning. */
  lock(): void;
  /** Only its holder may. */
  unlock(): void;
}

/** A mutex that sleeps: only where a method may. */
export interface MutexField {
  /** Sleeps until it is free. */
  lock(): void;
  /** Only its holder may. */
  unlock(): void;
}

/** Where CPUs sleep until a word changes. */
export interface WaitQueueField {
  /** Sleeps unless the word at `address` is no longer `seen`: only where a method may. */
  sleepWhile(address: number, seen: number): void;
  /** Wakes all; whoever has changed the word calls it. */
  wake(): void;
}

/** A word that CPUs change without a lock. */
export interface AtomicField {
  readonly address: number;
  /** What it is now. */
  get(): number;
  /** Adds; returns what was there. */
  add(delta: number): number;
  /** Stores `value` if the word is `expected`; true if it was. */
  replace(expected: number, value: number): boolean;
}

/** Words in a row, each of which CPUs read and write without a lock. */
export interface WordsField {
  readonly length: number;
  /** Address of one: for the hardware. */
  at(index: number): number;
  /** What one is now. */
  get(index: number): number;
  /** Stores one. */
  set(index: number, value: number): void;
}

/** Entries of a secondary MMU, which hardware walks by itself (assembly/notifier/secondary.ts). */
export interface EntriesField {
  readonly length: number;
  /** Address of one: for the hardware. */
  at(index: number): number;
  /** What one is now. */
  get(index: number): number;
  /** Stores one. */
  set(index: number, entry: number): void;
  /** Clears one; what it was. A page that was written through it is dirty from here on. */
  clear(index: number): number;
  /** Takes the accessed mark off one; true if it was set. */
  clearYoung(index: number): boolean;
}

const word = (kind: "i32" | "u32"): FieldType<number> => ({
  bytes: 4,
  word: kind,
  view: () => 0,
});

/** A number from 0 to 2^32 - 1. */
export const u32 = (): FieldType<number> => word("u32");
/** A number from -2^31 to 2^31 - 1. */
export const i32 = (): FieldType<number> => word("i32");

/** A lock that spins. */
export const spinlock = (): FieldType<SpinLockField> => ({
  bytes: 4,
  word: undefined,
  view: ({ k }, address) => ({
    lock: () => {
      k.spin_lock(address);
    },
    unlock: () => {
      k.spin_unlock(address);
    },
  }),
});

/** A mutex that sleeps. */
export const mutex = (): FieldType<MutexField> => ({
  bytes: 16,
  word: undefined,
  view: ({ k }, address) => ({
    lock: () => {
      k.client_might_sleep();
      k.mutex_lock(address);
    },
    unlock: () => {
      k.mutex_unlock(address);
    },
  }),
  init: ({ k }, address) => {
    k.mutex_init(address);
  },
});

/** Where CPUs sleep. */
export const waitQueue = (): FieldType<WaitQueueField> => ({
  bytes: 12,
  word: undefined,
  view: ({ k }, address) => ({
    sleepWhile: (at, seen) => {
      k.client_sleep(address, at, seen);
    },
    wake: () => {
      k.client_wake(address);
    },
  }),
  init: ({ k }, address) => {
    k.client_queue_init(address);
  },
});

const atomicAt = ({ k }: Cpu, address: number): AtomicField => ({
  address,
  get: () => k.client_read(address),
  add: (delta) => k.client_fetch_add(address, delta),
  replace: (expected, value) => k.client_cmpxchg(address, expected, value) === expected,
});

/** A word that CPUs change without a lock. */
export const atomic = (): FieldType<AtomicField> => ({
  bytes: 4,
  word: undefined,
  view: atomicAt,
});

/** `length` of them. */
export const atomics = (length: number): FieldType<readonly AtomicField[]> => ({
  bytes: 4 * length,
  word: undefined,
  view: (cpu, address) => Array.from({ length }, (_, i) => atomicAt(cpu, address + 4 * i)),
});

/** `length` words in a row. */
export const words = (length: number): FieldType<WordsField> => ({
  bytes: 4 * length,
  word: undefined,
  view: ({ k }, address) => ({
    length,
    at: (index) => address + 4 * index,
    get: (index) => k.client_read(address + 4 * index) >>> 0,
    set: (index, value) => {
      k.secondary_set(address + 4 * index, value);
    },
  }),
});

/** `length` entries of a secondary MMU. */
export const entries = (length: number): FieldType<EntriesField> => ({
  bytes: 4 * length,
  word: undefined,
  view: ({ k }, address) => ({
    length,
    at: (index) => address + 4 * index,
    get: (index) => k.client_read(address + 4 * index) >>> 0,
    set: (index, entry) => {
      k.secondary_set(address + 4 * index, entry);
    },
    clear: (index) => k.secondary_clear(address + 4 * index) >>> 0,
    clearYoung: (index) => k.secondary_clear_young(address + 4 * index) !== 0,
  }),
});

/** Where each field lies, from the start of the state. */
export interface StateLayout {
  readonly offsets: Readonly<Record<string, number>>;
  readonly bytes: number;
}

/** Lays fields out in the order in which they are written. */
export function layOut(fields: StateFields): StateLayout {
  let bytes = 0;
  const offsets: Record<string, number> = {};
  for (const [name, field] of Object.entries(fields)) {
    offsets[name] = bytes;
    bytes += field.bytes;
  }
  return { offsets, bytes };
}

/** Gives `target` a property for each field of the state at `address`. */
export function bindState(target: object, cpu: Cpu, fields: StateFields, address: number): void {
  const { offsets } = layOut(fields);
  for (const [name, field] of Object.entries(fields)) {
    const at = address + (offsets[name] as number);
    if (field.word === undefined) {
      Object.defineProperty(target, name, { value: field.view(cpu, at), enumerable: true });
      continue;
    }
    const array = field.word === "i32" ? cpu.i32 : cpu.u32;
    Object.defineProperty(target, name, {
      enumerable: true,
      get: () => array[at >>> 2],
      set: (value: number) => {
        array[at >>> 2] = value;
      },
    });
  }
}
