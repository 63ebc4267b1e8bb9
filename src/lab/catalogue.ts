// The locks that racier has. Adding one is a file in assembly/lock/ and a line here.

import { ConfigError } from "../kernel/error.ts";

/** What a lock promises, for the examination and for who chooses one. */
export interface LockPromises {
  /** Who comes first is served first. */
  readonly fifo?: true;
  /** Nobody waits for ever while others come and go: at most so many go first for each CPU that waits. */
  readonly bounded?: true;
  /** A waiter goes to sleep. */
  readonly sleeps?: true;
  /** Fits in a word of its own: can stand behind spinlock_t. */
  readonly oneWord?: true;
}

/** One lock. */
export interface LockEntry {
  readonly name: string;
  /** In assembly/, without ".ts". */
  readonly file: string;
  readonly summary: string;
  /** Where it comes from. */
  readonly source: string;
  readonly promises: LockPromises;
}

const ONE_WORD = { oneWord: true } as const;
const BOUNDED = { bounded: true } as const;
const FIFO = { fifo: true, bounded: true } as const;
const SLEEPING = { fifo: true, bounded: true, sleeps: true } as const;
const QUEUE = { fifo: true, bounded: true, oneWord: true } as const;

/** All of them, in the order in which they are listed and measured. */
export const LOCKS: readonly LockEntry[] = [
  lock("bit", "one bit of a word", "Linux 2.6, bit_spin_lock", ONE_WORD, "bit_spinlock"),
  lock("tas", "test-and-set", "Anderson 1990", ONE_WORD),
  lock("ttas", "test, then test-and-set", "Linux 2.6.8, x86", ONE_WORD),
  lock("backoff", "the same, with exponential backoff", "Anderson 1990", ONE_WORD),
  lock("ticket", "tickets of 16 bits", "Linux 2.6.25", QUEUE),
  lock("ticket-prop", "the same, with proportional backoff", "Mellor-Crummey, Scott 1991", QUEUE),
  lock("anderson", "an array, each CPU waits on a slot", "Anderson 1990", FIFO),
  lock(
    "clh",
    "a queue, each CPU waits on its predecessor",
    "Craig 1993; Magnusson et al. 1994",
    FIFO,
  ),
  lock("mcs", "a queue of nodes, each CPU waits on its own", "Mellor-Crummey, Scott 1991", QUEUE),
  lock("hemlock", "a queue with one word for each CPU", "Dice, Kogan 2021", QUEUE),
  lock("qspinlock", "a pending bit, then an MCS queue", "Linux 4.2", QUEUE),
  lock(
    "cohort",
    "tickets on two emulated nodes, tickets above",
    "Dice, Marathe, Shavit 2012",
    BOUNDED,
  ),
  lock("rwlock", "fair reader-writer spinlock", "Linux 3.16, qrwlock", BOUNDED),
  lock("brlock", "a spinlock for each CPU, readers take theirs", "Linux 2.4", BOUNDED),
  lock("seqlock", "readers read again if a writer came", "Linux 2.6, seqlock_t", {}),
  lock("rcu", "two versions, readers are never kept out", "Desnoyers et al. 2012", {}, "rcu_data"),
  lock("rwsem", "reader-writer semaphore, in order of arrival", "Linux 2.6", SLEEPING),
  lock("rwsem-spin", "reader-writer semaphore that spins first", "Linux 3.16", { sleeps: true }),
  lock("mutex", "sleeping mutex, in order of arrival", "Linux 2.6, i_sem", SLEEPING),
  lock("mutex-spin", "sleeping mutex that spins first", "Drepper 2011; Linux 2.6.30", {
    sleeps: true,
  }),
  lock("semaphore", "semaphore of one unit", "Linux 2.6.26", SLEEPING),
];

function lock(
  name: string,
  summary: string,
  source: string,
  promises: LockPromises,
  file = name.replaceAll("-", "_"),
): LockEntry {
  return { name, file: `lock/${file}`, summary, source, promises };
}

/** The lock of that name. Throws ConfigError. */
export function lockNamed(name: string): LockEntry {
  const found = LOCKS.find((entry) => entry.name === name);
  if (found !== undefined) return found;
  const known = LOCKS.map((entry) => entry.name).join(", ");
  throw new ConfigError(`there is no lock "${name}": there are ${known}, and files (./my-lock.ts)`);
}
