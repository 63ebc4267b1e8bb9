// What all CPUs of a stress run share besides the machine: the control words by which host and CPUs
// stop and go on, counters, and the model of every address space. One SharedArrayBuffer; each word
// has one writer at a time, or is changed atomically.
//
//   words    control | CPUs | exit records | objects | models of address spaces (model.ts)
//   numbers  64-bit floats of the models: addresses
//
// A model is handed from parent to child here, since a program is started with four numbers only.

/** Threads of one address space, each with a part of the address space of its own. */
export const THREADS = 4;
/** Regions of one thread. */
export const REGIONS = 8;
/** Pages of a region, at most. */
export const PAGES = 32;
/** Words of a page that the oracle follows. */
export const WORDS = 8;

/** What the CPUs are to do. */
export const PHASE_RUN = 0;
/** Come to a halt between two operations, processes alive. */
export const PHASE_PARK = 1;
/** End every process. */
export const PHASE_STOP = 2;

/** What a CPU does: runs no program of ours; runs one; stands still; waits for a child. */
export const CPU_NONE = 0;
export const CPU_RUNNING = 1;
export const CPU_PARKED = 2;
export const CPU_WAITING = 3;
/** The same in words. */
export const CPU_STATES = ["has no process", "runs", "stands still", "waits for a child"];

/** What is counted, in the order in which it is shown. */
export const COUNTERS = [
  ...["mmap", "munmap", "mprotect", "mremap", "brk", "madvise"],
  ...["fork", "clone", "exec", "exit", "wait"],
  ...["load", "store", "copy", "touch", "probe", "referenced", "evicted", "ftruncate", "swapoff"],
  ...["notifiers", "guest"],
  ...["meetings", "wordsChecked", "SIGSEGV", "SIGBUS", "SIGKILL", "ENOMEM", "EAGAIN"],
] as const;
export type Counter = (typeof COUNTERS)[number];

/** A file of the run. */
export interface StressFile {
  /** Inode. */
  readonly handle: number;
  readonly seed: number;
  readonly sizeBytes: number;
}

/** What every program of the run finds as task.shared. */
export interface StressOrder {
  readonly buffer: SharedArrayBuffer;
  readonly cpus: number;
  /** Operations of each CPU, at most; 0: until the host says stop. */
  readonly operations: number;
  /** Files that are mapped shared and written. */
  readonly sharedFiles: readonly StressFile[];
  /** Clients of MMU notifiers that the kernel can stand; none without notifiers. */
  readonly notifiers: readonly string[];
  /** Files that nobody writes. */
  readonly seedFiles: readonly StressFile[];
  /** Files that everybody cuts to any length. */
  readonly cutFiles: readonly StressFile[];
  /** Swap areas; 0: the machine has no disk. */
  readonly swapAreas: number;
  /** Size of all of them together. */
  readonly swapBytes: number;
}

/** Swap areas of a run, at most. */
export const SWAP_AREAS = 2;

const CONTROL_WORDS = 16;
const PHASE = 0;
const IDENTITY = 1;
const HOARDS = 2;
const HOARD_END = 3;
const SWAP_BUSY = 4;
const SWAP_AREA = 5;

const CPU_WORDS = 48;
const CPU_STATE = 0;
const CPU_OPERATIONS = 1;
const CPU_HASH = 2;
const CPU_OPERATION = 3;
const CPU_COUNTERS = 4;

/** Children that nobody has waited for yet, at most. */
const RECORDS = 1024;
const RECORD_FREE = 0;
const RECORD_OPEN = 1;
const RECORD_ORPHAN = 2;
const RECORD_ENDED = 3;

/** Memory that is shared on purpose: the shared files, and shared anonymous memory. */
export const OBJECTS = 32;
const OBJECT_HEAD = 4;
export const OBJECT_WORDS = OBJECT_HEAD + PAGES * WORDS * 2;

/** Words of the model of one address space besides its regions. */

/** First word of the threads, and words of each of them. */
const THREAD_BASE = 7;
export const THREAD_WORDS = 4;
export const MODEL_HEAD = THREAD_BASE + THREADS * THREAD_WORDS;
/** Word of a thread that counts the changes of its part: those under way, and those that are over. */
export const THREAD_SEQ = 1;
/** What a change that is over counts in THREAD_SEQ. Several regions can be changing at once. */
export const CHANGE_OVER = 256;
/** Words of a region: fields; then pages: protection, epoch; then words: low, high, epoch. */
export const REGION_FIELDS = 16;
export const REGION_WORDS = REGION_FIELDS + PAGES * 2 + PAGES * WORDS * 3;
export const MODEL_WORDS = MODEL_HEAD + THREADS * REGIONS * REGION_WORDS;
/** Floats of a model: start of each region, then low and high address of each thread's hazard. */
export const MODEL_FLOATS = THREADS * REGIONS + THREADS * 2;

/** Address spaces that a run of `cpus` CPUs has at once, at most. */
export const modelsFor = (cpus: number): number => Math.min(64, 4 + 6 * cpus);

/** The time, for hoards that have just ended. */
const seconds = (): number => Math.floor(Date.now() / 1000) & 0x7fffffff;

const cpuBase = (cpu: number): number => CONTROL_WORDS + cpu * CPU_WORDS;
const recordBase = (cpus: number): number => cpuBase(cpus);
const objectBase = (cpus: number): number => recordBase(cpus) + RECORDS;
const modelBase = (cpus: number): number => objectBase(cpus) + OBJECTS * OBJECT_WORDS;
const totalWords = (cpus: number): number => {
  const words = modelBase(cpus) + modelsFor(cpus) * MODEL_WORDS;
  return words + (words % 2);
};

/** Memory for the board of a run. */
export function boardBuffer(cpus: number): SharedArrayBuffer {
  return new SharedArrayBuffer(totalWords(cpus) * 4 + modelsFor(cpus) * MODEL_FLOATS * 8);
}

/** The board, as seen by one thread of the host. */
export class Board {
  readonly words: Int32Array;
  readonly numbers: Float64Array;
  readonly cpus: number;
  readonly models: number;

  constructor(buffer: SharedArrayBuffer, cpus: number) {
    this.cpus = cpus;
    this.models = modelsFor(cpus);
    this.words = new Int32Array(buffer, 0, totalWords(cpus));
    this.numbers = new Float64Array(buffer, totalWords(cpus) * 4);
  }

  get phase(): number {
    return Atomics.load(this.words, PHASE);
  }

  set phase(phase: number) {
    Atomics.store(this.words, PHASE, phase);
  }

  /** A number that no region and no object has had before. */
  nextIdentity(): number {
    return Atomics.add(this.words, IDENTITY, 1) + 1;
  }

  /** State of a CPU: CPU_*. */
  cpuState(cpu: number): number {
    return Atomics.load(this.words, cpuBase(cpu) + CPU_STATE);
  }

  setCpuState(cpu: number, state: number): void {
    Atomics.store(this.words, cpuBase(cpu) + CPU_STATE, state);
  }

  /** Operations that a CPU has done. */
  operations(cpu: number): number {
    return Atomics.load(this.words, cpuBase(cpu) + CPU_OPERATIONS);
  }

  addOperation(cpu: number): void {
    Atomics.add(this.words, cpuBase(cpu) + CPU_OPERATIONS, 1);
  }

  /** The operation that a CPU has begun last, by its number from 1 on; 0 before the first. */
  operation(cpu: number): number {
    return Atomics.load(this.words, cpuBase(cpu) + CPU_OPERATION);
  }

  setOperation(cpu: number, operation: number): void {
    Atomics.store(this.words, cpuBase(cpu) + CPU_OPERATION, operation);
  }

  /** Hash of the operations that a CPU has done, in their order. */
  hash(cpu: number): number {
    return (this.words[cpuBase(cpu) + CPU_HASH] ?? 0) >>> 0;
  }

  setHash(cpu: number, hash: number): void {
    this.words[cpuBase(cpu) + CPU_HASH] = hash;
  }

  /** Counts something on a CPU. */
  count(cpu: number, counter: Counter, by = 1): void {
    const index = cpuBase(cpu) + CPU_COUNTERS + COUNTERS.indexOf(counter);
    this.words[index] = (this.words[index] ?? 0) + by;
  }

  /** What has been counted on all CPUs. */
  total(counter: Counter): number {
    const offset = CPU_COUNTERS + COUNTERS.indexOf(counter);
    let sum = 0;
    for (let cpu = 0; cpu < this.cpus; cpu++) sum += (this.words[cpuBase(cpu) + offset] ?? 0) >>> 0;
    return sum;
  }

  /** Somebody keeps most of the memory. */
  beginHoard(): void {
    Atomics.add(this.words, HOARDS, 1);
  }

  /** Somebody gives it back. */
  endHoard(): void {
    Atomics.store(this.words, HOARD_END, seconds());
    Atomics.sub(this.words, HOARDS, 1);
  }

  /** Takes the right to change swap areas; false if another CPU has it. */
  beginSwap(): boolean {
    return Atomics.compareExchange(this.words, SWAP_BUSY, 0, 1) === 0;
  }

  /** Ends beginSwap. */
  endSwap(): void {
    Atomics.store(this.words, SWAP_BUSY, 0);
  }

  /** Number that the kernel has given to a swap area, or -1 when there is none. */
  swapArea(slot: number): number {
    return Atomics.load(this.words, SWAP_AREA + slot) - 1;
  }

  setSwapArea(slot: number, area: number): void {
    Atomics.store(this.words, SWAP_AREA + slot, area + 1);
  }

  /** Memory is short now, or was a moment ago. */
  get hungry(): boolean {
    return (
      Atomics.load(this.words, HOARDS) > 0 || seconds() - Atomics.load(this.words, HOARD_END) < 3
    );
  }

  /** A place where a child will write how it ends; undefined when there are too many children. */
  newRecord(): number | undefined {
    const base = recordBase(this.cpus);
    for (let record = 0; record < RECORDS; record++) {
      if (
        Atomics.compareExchange(this.words, base + record, RECORD_FREE, RECORD_OPEN) === RECORD_FREE
      ) {
        return record;
      }
    }
    return undefined;
  }

  /** The child has ended. */
  setRecord(record: number, status: number, signal: number): void {
    const at = recordBase(this.cpus) + record;
    const end = RECORD_ENDED + status + signal * 256;
    const old = Atomics.compareExchange(this.words, at, RECORD_OPEN, end);
    if (old === RECORD_ORPHAN) Atomics.store(this.words, at, RECORD_FREE);
  }

  /** Takes back a record that setRecord has filled: status | signal << 8. */
  takeRecord(record: number): number {
    return Atomics.exchange(this.words, recordBase(this.cpus) + record, RECORD_FREE) - RECORD_ENDED;
  }

  /**
   * Nobody will ask for the record: the child frees it, or it is free at once if the child has
   * ended or never began.
   */
  dropRecord(record: number, begun: boolean): void {
    const at = recordBase(this.cpus) + record;
    const mark = begun ? RECORD_ORPHAN : RECORD_FREE;
    const old = Atomics.compareExchange(this.words, at, RECORD_OPEN, mark);
    if (old >= RECORD_ENDED) Atomics.store(this.words, at, RECORD_FREE);
  }

  /** First word of an object. */
  objectAt(index: number): number {
    return objectBase(this.cpus) + index * OBJECT_WORDS;
  }

  /** First word of a model. */
  modelAt(index: number): number {
    return modelBase(this.cpus) + index * MODEL_WORDS;
  }

  /** First word of a thread of a model. */
  threadAt(model: number, thread: number): number {
    return this.modelAt(model) + THREAD_BASE + thread * THREAD_WORDS;
  }

  /** First float of a model. */
  modelNumbersAt(index: number): number {
    return index * MODEL_FLOATS;
  }
}
