// Who holds which lock of the kernel, read from the values that the steps of an execution found and left:
// a spinlock or a bit that goes from 0 to 1 is taken by the CPU that did it, and freed by whoever puts it
// back; a readers-writer semaphore by its count, or handed over to a sleeper by whoever wakes it. All locks
// are free when an execution begins. Left out: ticket locks, the mutex of a file, and the locks of a user's
// program, whose words nobody can tell from others.

import * as layout from "../layout/structs.gen.ts";

/** What is looked at of a step. */
export interface LockStep {
  readonly cpu: number;
  readonly function: string;
  readonly object: string;
  readonly before: bigint;
  readonly after: bigint;
}

/** Bits of page->flags that are locks. */
const PAGE_BITS = { PG_locked: layout.PG_locked, PG_maplock: layout.PG_maplock };
const SPINLOCK = /(?:^|[._])lock$/;
/** The words of a sleeping lock are fields of the struct that it is in. */
const SEMAPHORE_SPINLOCK = "_sem_0";
const SEMAPHORE_COUNT = "_sem_1";
const WOKEN = /^cpu\[(\d+)\]\.waiter_woken$/;
const WRITER = 0xffff_ffffn;

/** Follows an execution step by step. */
export class HeldLocks {
  readonly #held: string[][];
  /** Semaphores that a CPU has given to the sleeper that it is about to wake. */
  readonly #granted: (string | undefined)[] = [];

  #all: readonly (readonly string[])[] | undefined;

  constructor(cpus: number) {
    this.#held = Array.from({ length: cpus }, () => []);
  }

  /** Locks that a CPU holds, in the order in which it took them. */
  of(cpu: number): readonly string[] {
    return [...(this.#held[cpu] ?? [])];
  }

  /** Those of every CPU. The same object until a lock is taken or freed. */
  ofAll(): readonly (readonly string[])[] {
    return (this.#all ??= this.#held.map((locks) => [...locks]));
  }

  /** Takes one step into account. */
  see(step: LockStep): void {
    const { cpu, object, before, after } = step;
    if (before === after) return;
    if (object.endsWith(SEMAPHORE_COUNT)) {
      this.#seeCount(step);
    } else if (object.endsWith(SEMAPHORE_SPINLOCK)) {
      this.#seeBit(cpu, object.replace(SEMAPHORE_SPINLOCK, "_sem.wait_lock"), before, after);
    } else if (SPINLOCK.test(object)) {
      this.#seeBit(cpu, object, before, after);
    } else if (/^page\[\d+\]\.flags$/.test(object)) {
      this.#seeFlags(step);
    } else {
      this.#seeWoken(step);
    }
  }

  #seeBit(cpu: number, lock: string, before: bigint, after: bigint): void {
    if (before === 0n && after === 1n) this.#take(cpu, lock);
    else if (before === 1n && after === 0n) this.#release(cpu, lock);
  }

  #seeFlags({ cpu, object, before, after }: LockStep): void {
    for (const [name, mask] of Object.entries(PAGE_BITS)) {
      const bit = (value: bigint): bigint => ((value & BigInt(mask)) === 0n ? 0n : 1n);
      this.#seeBit(cpu, object.replace("flags", name), bit(before), bit(after));
    }
  }

  /** The count is changed by those who enter and leave, and by those who let sleepers in. */
  #seeCount({ cpu, function: name, object, before, after }: LockStep): void {
    const lock = object.replace(SEMAPHORE_COUNT, "_sem");
    const write = `${lock} (write)`;
    const taken = after === WRITER ? write : lock;
    if (name === "rwsem_do_wake") {
      this.#granted[cpu] = taken;
    } else if (name.startsWith("down_")) {
      this.#take(cpu, taken);
    } else if (name.startsWith("up_")) {
      this.#release(cpu, before === WRITER ? write : lock);
    } else if (name === "downgrade_write") {
      this.#release(cpu, write);
      this.#take(cpu, lock);
    }
  }

  #seeWoken({ cpu, object, after }: LockStep): void {
    const woken = WOKEN.exec(object)?.[1];
    const lock = this.#granted[cpu];
    if (woken === undefined || after !== 1n || lock === undefined) return;
    this.#granted[cpu] = undefined;
    this.#take(Number(woken), lock);
  }

  #take(cpu: number, lock: string): void {
    this.#held[cpu]?.push(lock);
    this.#all = undefined;
  }

  /** By its holder; a spinlock that another CPU puts back is free all the same. */
  #release(cpu: number, lock: string): void {
    const own = this.#held[cpu];
    const held = own?.includes(lock) ? own : this.#held.find((locks) => locks.includes(lock));
    const index = held?.lastIndexOf(lock) ?? -1;
    if (index >= 0) held?.splice(index, 1);
    this.#all = undefined;
  }
}
