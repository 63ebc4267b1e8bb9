// Who touched which bytes last, and what the words of atomics have to say: columns that are used again in
// the next execution. A word is found by an array as long as the machine's memory, whose entries count
// only while the record that they name says the same: so nothing is cleared between executions.
//
//   slots[word] ── record ──> heads[CPU, class] ── node ──> node      event, bytes of the word (4 bits)
//                    └──────> released[CPU]
//
// A list of nodes is longer than one only where accesses are smaller than a word. Bulk operations are kept
// as ranges: most are pages, and few.

/** Classes of accesses. */
export const Class = { plainRead: 0, plainWrite: 1, markedRead: 2, markedWrite: 3 } as const;
const CLASSES = 4;
/** All bytes of a word, as bits. */
export const WHOLE = 15;

/** Bits of the classes that an access of each class must not meet unordered. */
const CONFLICTS = [0b1010, 0b1111, 0b0010, 0b0011] as const;

const FIRST_CAPACITY = 512;

function doubled(array: Int32Array): Int32Array {
  const longer = new Int32Array(array.length * 2);
  longer.set(array);
  return longer;
}

/** Looks at an earlier access; true: no need to look at others. */
export type Visit = (event: number) => boolean;

/** Accesses to words. */
export class WordHistory {
  readonly #cpus: number;
  readonly #slots: Int32Array;
  #used = 0;
  /** Number of the word of each record. */
  #words: Int32Array = new Int32Array(FIRST_CAPACITY);
  /** Bits of the CPUs that have touched it. */
  #owners: Int32Array = new Int32Array(FIRST_CAPACITY);
  #heads: Int32Array;
  #released: Int32Array;
  #nodes = 1;
  #events: Int32Array = new Int32Array(FIRST_CAPACITY);
  #masks: Int32Array = new Int32Array(FIRST_CAPACITY);
  #next: Int32Array = new Int32Array(FIRST_CAPACITY);

  constructor(machineBytes: number, cpus: number) {
    this.#cpus = cpus;
    this.#slots = new Int32Array(machineBytes >>> 2);
    this.#heads = new Int32Array(FIRST_CAPACITY * cpus * CLASSES);
    this.#released = new Int32Array(FIRST_CAPACITY * cpus);
  }

  /** Forgets everything. */
  clear(): void {
    this.#used = 0;
    this.#nodes = 1;
  }

  /** The record of a word. */
  recordOf(word: number): number {
    const known = this.#slots[word] as number;
    if (known < this.#used && this.#words[known] === word) return known;
    return this.#add(word);
  }

  #add(word: number): number {
    const record = this.#used++;
    if (record === this.#words.length) this.#grow();
    this.#slots[word] = record;
    this.#words[record] = word;
    this.#owners[record] = 0;
    const cpus = this.#cpus;
    this.#heads.fill(0, record * cpus * CLASSES, (record + 1) * cpus * CLASSES);
    this.#released.fill(0, record * cpus, (record + 1) * cpus);
    return record;
  }

  #grow(): void {
    this.#words = doubled(this.#words);
    this.#owners = doubled(this.#owners);
    this.#heads = doubled(this.#heads);
    this.#released = doubled(this.#released);
  }

  /** Puts an access of `cpu` to the bytes of `mask` on record. */
  note(record: number, cpu: number, kind: number, mask: number, event: number): void {
    this.#owners[record] = (this.#owners[record] as number) | (1 << cpu);
    const at = (record * this.#cpus + cpu) * CLASSES + kind;
    const head = this.#heads[at] as number;
    let node = head;
    while (node !== 0 && ((this.#masks[node] as number) & ~mask) !== 0) {
      node = this.#next[node] as number;
    }
    if (node === 0) {
      node = this.#nodes++;
      if (node === this.#events.length) this.#growNodes();
      this.#next[node] = head;
      this.#heads[at] = node;
    }
    this.#events[node] = event;
    this.#masks[node] = mask;
  }

  #growNodes(): void {
    this.#events = doubled(this.#events);
    this.#masks = doubled(this.#masks);
    this.#next = doubled(this.#next);
  }

  /** Visits the last accesses of other CPUs than `cpu` that conflict with one of `kind` to `mask`. */
  visitConflicts(record: number, cpu: number, kind: number, mask: number, visit: Visit): boolean {
    let others = (this.#owners[record] as number) & ~(1 << cpu);
    for (; others !== 0; others &= others - 1) {
      const other = 31 - Math.clz32(others & -others);
      const at = (record * this.#cpus + other) * CLASSES;
      for (let classes = CONFLICTS[kind] as number; classes !== 0; classes &= classes - 1) {
        let node = this.#heads[at + 31 - Math.clz32(classes & -classes)] as number;
        for (; node !== 0; node = this.#next[node] as number) {
          const meets = ((this.#masks[node] as number) & mask) !== 0;
          if (meets && visit(this.#events[node] as number)) return true;
        }
      }
    }
    return false;
  }

  /** The same for a bulk operation on [from, to). */
  visitRange(from: number, to: number, cpu: number, kind: number, visit: Visit): boolean {
    for (let record = 0; record < this.#used; record++) {
      const start = (this.#words[record] as number) * 4;
      if (start + 4 <= from || start >= to) continue;
      const mask = maskOf(start, from, to);
      if (this.visitConflicts(record, cpu, kind, mask, visit)) return true;
    }
    return false;
  }

  /** Joins what the word releases into the clock that begins at `into`. */
  acquire(record: number, clocks: Int32Array, into: number): void {
    const from = record * this.#cpus;
    for (let i = 0; i < this.#cpus; i++) {
      const theirs = this.#released[from + i] as number;
      if (theirs > (clocks[into + i] as number)) clocks[into + i] = theirs;
    }
  }

  /** Lets the word release the clock that begins at `from`; `adds`: and what it has released before. */
  release(record: number, clocks: Int32Array, from: number, adds: boolean): void {
    const into = record * this.#cpus;
    for (let i = 0; i < this.#cpus; i++) {
      const ours = clocks[from + i] as number;
      if (!adds || ours > (this.#released[into + i] as number)) this.#released[into + i] = ours;
    }
  }
}

/** Bits of the bytes of the word at `start` that lie in [from, to). */
export function maskOf(start: number, from: number, to: number): number {
  const low = from > start ? from - start : 0;
  const high = to < start + 4 ? to - start : 4;
  return ((1 << high) - 1) & ~((1 << low) - 1);
}

/** Bulk operations of an execution, as ranges. */
export class BulkHistory {
  length = 0;
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #cpu: number[] = [];
  readonly #kind: number[] = [];
  readonly #event: number[] = [];

  /** Forgets everything. */
  clear(): void {
    this.length = 0;
  }

  /** Puts one on record. */
  note(from: number, to: number, cpu: number, kind: number, event: number): void {
    const at = this.length++;
    this.#from[at] = from;
    this.#to[at] = to;
    this.#cpu[at] = cpu;
    this.#kind[at] = kind;
    this.#event[at] = event;
  }

  /** Visits those of other CPUs than `cpu` that conflict with an access of `kind` to [from, to). */
  visitRange(from: number, to: number, cpu: number, kind: number, visit: Visit): boolean {
    const conflicts = CONFLICTS[kind] as number;
    for (let i = 0; i < this.length; i++) {
      if ((this.#from[i] as number) >= to || (this.#to[i] as number) <= from) continue;
      if (this.#cpu[i] === cpu || ((conflicts >> (this.#kind[i] as number)) & 1) === 0) continue;
      if (visit(this.#event[i] as number)) return true;
    }
    return false;
  }
}
