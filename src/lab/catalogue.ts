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

const FIFO = { fifo: true, bounded: true } as const;
const ONE_WORD = { oneWord: true } as const;

/** All of them, in the order in which they are listed and measured. */
export const LOCKS: readonly LockEntry[] = [
  lock("ttas", "test, then test-and-set", "Linux 2.6.8, x86", ONE_WORD),
  lock("ticket", "tickets of 16 bits", "Linux 2.6.25", { ...FIFO, ...ONE_WORD }),
  lock("mcs", "a queue of nodes", "Mellor-Crummey, Scott 1991", { ...FIFO, ...ONE_WORD }),
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
