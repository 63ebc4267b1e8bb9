// What lockdep (assembly/lock/lockdep.ts) has learnt, read from a machine's memory: which class of lock
// has been taken inside which, what a CPU holds, and why a rule of locks was broken, in words.

import * as layout from "../layout/structs.gen.ts";
import { getU32, type MemoryViews } from "../layout/view.ts";

const { HeldLock, LockNesting } = layout;
const { LOCK_ORDER, LOCK_NESTINGS, LOCK_CLASS_LIMIT, NR_LOCK_CLASSES } = layout;
const { PERCPU_AREAS, PERCPU_SIZE, PERCPU_HELD_LOCKS, HELD_LOCKS_FIRST } = layout;

/** Classes by their number, as docs/locking.md calls them. */
const NAMES: Readonly<Record<number, string>> = {
  [layout.LOCK_MMAP_SEM]: "mmap_sem",
  [layout.LOCK_I_SEM]: "i_sem",
  [layout.LOCK_PG_LOCKED]: "PG_locked",
  [layout.LOCK_I_MMAP]: "i_mmap_lock",
  [layout.LOCK_ANON_VMA]: "anon_vma.lock",
  [layout.LOCK_PAGE_TABLE]: "page_table_lock",
  [layout.LOCK_PAGE_TABLE_NESTED]: "page_table_lock (nested)",
  [layout.LOCK_PG_MAPLOCK]: "PG_maplock",
  [layout.LOCK_TREE]: "tree_lock",
  [layout.LOCK_LRU]: "lru_lock",
  [layout.LOCK_ZONE]: "Zone.lock",
  [layout.LOCK_CACHE]: "KmemCache.lock",
  [layout.LOCK_WAIT_QUEUE]: "WaitQueue.lock",
  [layout.LOCK_WAIT]: "wait_lock",
  [layout.LOCK_RUNQUEUE]: "runqueue_lock",
  [layout.LOCK_TASKLIST]: "tasklist_lock",
  [layout.LOCK_MMLIST]: "mmlist_lock",
  [layout.LOCK_TLBSTATE]: "tlbstate_lock",
  [layout.LOCK_INTERRUPTS]: "interrupts",
  [layout.LOCK_RCU]: "rcu_state.lock",
  [layout.LOCK_FILES]: "files_lock",
  [layout.LOCK_SWAP_LIST]: "swap_list_lock",
  [layout.LOCK_SWAP_DEVICE]: "swap_device_lock",
  [layout.LOCK_DISK]: "disk.lock",
  [layout.LOCK_ANONMM]: "anonmm.lock",
  [layout.LOCK_HANDLER]: "handler",
};

/** What a class is called. */
export const lockClassName = (lockClass: number): string =>
  NAMES[lockClass] ?? `class ${lockClass}`;

/** One class taken inside another, as it was first seen. */
export interface Nesting {
  readonly outer: string;
  readonly inner: string;
  readonly cpu: number;
  /** All classes that were held then, the outermost first. */
  readonly held: readonly string[];
}

function isInside(memory: MemoryViews, outer: number, inner: number): boolean {
  return ((getU32(memory, LOCK_ORDER + inner * 4) >>> outer) & 1) === 1;
}

function nestingOf(memory: MemoryViews, outer: number, inner: number): Nesting {
  const at = LOCK_NESTINGS + (outer * LOCK_CLASS_LIMIT + inner) * LockNesting.SIZE;
  const held = [...memory.u8.subarray(at + LockNesting.held, at + LockNesting.held + 8)];
  return {
    outer: lockClassName(outer),
    inner: lockClassName(inner),
    cpu: getU32(memory, at + LockNesting.cpu),
    held: held
      .filter((lockClass) => lockClass !== 0)
      .reverse()
      .map(lockClassName),
  };
}

const CLASSES = Array.from({ length: NR_LOCK_CLASSES - 1 }, (_, i) => i + 1);

/**
 * Every pair that has nested since boot; none unless the build is a checking one. What a handler may interrupt,
 * and takes, is no such pair.
 */
export function learntNestings(memory: MemoryViews): Nesting[] {
  const locks = CLASSES.filter((lockClass) => lockClass !== layout.LOCK_HANDLER);
  return locks.flatMap((outer) =>
    locks
      .filter((inner) => isInside(memory, outer, inner))
      .map((inner) => nestingOf(memory, outer, inner)),
  );
}

/** Classes of the locks that a CPU holds or waits for, the oldest first. */
export function heldLocks(memory: MemoryViews, cpu: number): string[] {
  const at = PERCPU_AREAS + cpu * PERCPU_SIZE + PERCPU_HELD_LOCKS;
  return Array.from({ length: getU32(memory, at) }, (_, i) =>
    lockClassName(getU32(memory, at + HELD_LOCKS_FIRST + i * HeldLock.SIZE + HeldLock.lock_class)),
  );
}

/** The shortest chain of nestings from `outer` down to `inner`, or none. */
function chain(memory: MemoryViews, outer: number, inner: number): Nesting[] {
  const paths = [[outer]];
  const seen = new Set([outer]);
  for (const path of paths) {
    const last = path[path.length - 1] as number;
    if (last === inner) {
      return path.slice(1).map((next, i) => nestingOf(memory, path[i] as number, next));
    }
    for (const next of CLASSES) {
      if (seen.has(next) || !isInside(memory, last, next)) continue;
      seen.add(next);
      paths.push([...path, next]);
    }
  }
  return [];
}

const INTERRUPTS = lockClassName(layout.LOCK_INTERRUPTS);
const HANDLER = lockClassName(layout.LOCK_HANDLER);

/** Inside of a lock, of the time without interrupts, or of a handler. */
function inside(outer: string): string {
  if (outer === HANDLER) return "in the handler of an interrupt";
  return outer === INTERRUPTS ? "with interrupts off" : `inside ${outer}`;
}

function seenBefore({ outer, inner, cpu, held }: Nesting): string {
  const what = inner === INTERRUPTS ? "an interrupt was waited for" : `${inner} was taken`;
  const holding = held.length === 0 ? "" : `, which held ${held.join(" > ")}`;
  if (inner === HANDLER) {
    return `${outer} was taken with interrupts on (first by CPU ${cpu}${holding})`;
  }
  return `${what} ${inside(outer)} (first by CPU ${cpu}${holding})`;
}

const hexLock = (key: number): string => `0x${((key & ~3) >>> 0).toString(16)}`;

/**
 * A broken rule of locks in words; undefined if `rule` is another. `object` and `value` are those of the
 * panic record: the lock; its class, and above it the class that it must not be inside of.
 */
export function explainLockBug(
  memory: MemoryViews,
  rule: number,
  cpu: number,
  object: number,
  value: number,
): string | undefined {
  const [inner, outer] = [lockClassName(value & 0xff), lockClassName(value >>> 8)];
  const lock = `${inner} at ${hexLock(object)}`;
  const takes = inner === INTERRUPTS ? "waits for an interrupt to be served" : `takes ${lock}`;
  const held = heldLocks(memory, cpu);
  const holds = held.length === 0 ? "it holds no lock" : `it holds ${held.join(" > ")}`;
  switch (rule) {
    case layout.BUG_LOCK_ORDER: {
      if (inner === outer) {
        return `${takes} inside another at a higher address, and their order is from low to high; ${holds}`;
      }
      const earlier = chain(memory, value & 0xff, value >>> 8).map(seenBefore);
      if (inner === HANDLER) {
        const what = `takes ${outer} at ${hexLock(object)} with interrupts on`;
        return `${what}, but before, ${earlier.join(", and ")}; ${holds}`;
      }
      return `${takes} ${inside(outer)}, but before, ${earlier.join(", and ")}; ${holds}`;
    }
    case layout.BUG_LOCK_RECURSION:
      return `${takes} ${inside(inner)}; ${holds}`;
    case layout.BUG_SLEEP_IN_ATOMIC:
      return `${takes}, which may sleep, ${inside(outer)}; ${holds}`;
    case layout.BUG_LOCK_NOT_HELD:
      return `frees ${lock}, which it does not hold; ${holds}`;
    case layout.BUG_LOCKS_HELD:
      return `has not freed ${lock}; ${holds}`;
    default:
      return undefined;
  }
}
