// `racier locks --list`: the locks, where they come from, and what they promise.

import type { LockEntry } from "../../lab/catalogue.ts";
import { alignedTable } from "../table.ts";

const WORDS: Readonly<Record<keyof LockEntry["promises"], string>> = {
  fifo: "first come, first served",
  bounded: "bounded wait",
  sleeps: "sleeps",
  oneWord: "one word",
};

const promisesOf = ({ promises }: LockEntry): string[] =>
  (Object.keys(WORDS) as (keyof typeof WORDS)[])
    .filter((key) => promises[key])
    .map((key) => WORDS[key]);

/** The list as a table, or as a JSON document. */
export function lockList(locks: readonly LockEntry[], asJson: boolean): string {
  if (asJson) {
    const list = locks.map(({ name, file, summary, source, promises }) => ({
      ...{ name, file: `assembly/${file}.ts`, summary, source, promises },
    }));
    return `${JSON.stringify({ command: "locks", locks: list }, null, 2)}\n`;
  }
  const rows = locks.map((lock) => [
    ...[lock.name, lock.summary, lock.source, promisesOf(lock).join(", ")],
    `assembly/${lock.file}.ts`,
  ]);
  return alignedTable(["lock", "what it does", "from", "promises", "file"], rows);
}
