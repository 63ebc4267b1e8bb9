// racier locks: figures for locks that are locks, none for what is none, and an end in any case.

import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { LockResult, LocksDocument } from "../../../src/experiment/locks/document.ts";
import { runLocks, type LocksOptions } from "../../../src/experiment/locks/locks.ts";
import { ConfigError, Interrupted } from "../../../src/kernel/error.ts";
import { lockSource, textSource, type LockSource } from "../../../src/lab/sources.ts";

const CLI = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));

const HEAD = `
import { atomic_fetch_add, atomic_xchg, cpu_wait_while, read_once, smp_store_release } from "racier/lock";
export const LOCK_BYTES: i32 = 8;
export const NODE_BYTES: i32 = 0;
`;
const TAKE = "while (atomic_xchg<u32>(lock, 1) != 0) cpu_wait_while<u32>(lock, 1);";
const FREE = "smp_store_release<u32>(lock, 0);";

/** A test-and-set lock, but for what is given. */
function lockText(parts: { take?: string; free?: string; more?: string } = {}): string {
  const { take = TAKE, free = FREE, more = "" } = parts;
  return `${HEAD}${more}
export function acquire(lock: usize, node: usize): void { ${take} }
export function release(lock: usize, node: usize): void { ${free} }
`;
}

const mine = (parts: Parameters<typeof lockText>[0]): LockSource =>
  textSource("/nowhere/mine.ts", lockText(parts));

const run = (
  sources: readonly LockSource[],
  options: Partial<LocksOptions> = {},
): Promise<LocksDocument> =>
  runLocks({
    sources,
    ...{ cpus: [2], criticalNs: [50], thinkNs: [100], locks: [1], readersPercent: [0] },
    ...{ acquire: ["spin"], tries: 50, sampleGap: 4, rounds: 2, seconds: 0.4 },
    ...{ compareTrylock: false, hangMs: 20_000, ...options },
  });

/** The figures fit together. On a computer that is busy elsewhere a short pass may see nobody get the lock. */
function expectWhole(result: LockResult): void {
  const { wait, hold, perSecond, perSecondCi95 } = result;
  expect(perSecond).toBeGreaterThan(0);
  expect(perSecondCi95[0]).toBeLessThanOrEqual(perSecond);
  expect(perSecondCi95[1]).toBeGreaterThanOrEqual(perSecond);
  for (const latency of [wait, hold].filter((one) => one !== null)) {
    const { p50, p90, p99, p999, max, samples } = latency;
    const climbing = [0, p50, p90, p99, p999, max];
    expect(climbing).toEqual(climbing.toSorted((a, b) => a - b));
    expect(samples).toBeGreaterThan(0);
  }
  expect(result.jain).toBeGreaterThanOrEqual(1 / result.cpus - 1e-9);
  expect(result.jain).toBeLessThanOrEqual(1 + 1e-9);
  expect(result.waitPercent + result.wastedPercent + result.failedPercent).not.toBeNaN();
}

describe("locks that are locks", () => {
  test("get figures under every load, those beyond the cores marked", async () => {
    const cpus = [1, 2, os.availableParallelism() + 1];
    const doc = await run([lockSource("ttas"), lockSource("mcs")], { cpus });

    expect(doc.results).toHaveLength(2 * cpus.length);
    doc.results.forEach(expectWhole);
    const alone = doc.results.filter((result) => result.cpus === 1);
    expect(alone.every(({ acquisitions, wait }) => acquisitions > 1000 && wait !== null)).toBe(
      true,
    );
    expect(doc.results.filter(({ oversubscribed }) => oversubscribed)).toHaveLength(2);
    expect(doc.results.every((r) => r.oversubscribed === r.cpus > doc.host.cores)).toBe(true);
    expect(doc.locks.map(({ verdict, message }) => [verdict, message])).toEqual([
      ["measured", null],
      ["measured", null],
    ]);
    expect(doc.locks.every(({ meetings, aloneNs }) => meetings > 0 && aloneNs! > 0)).toBe(true);
    expect(doc.results.filter(({ lock }) => lock === "ttas").map((r) => r.changePercent)).toEqual([
      null,
      null,
      null,
    ]);
    expect(Object.values(doc.cost).every((ns) => ns > 0)).toBe(true);
  });

  test("get them with several locks, with readers, and with readers among writers", async () => {
    const doc = await run([lockSource("ticket")], { locks: [1, 8], readersPercent: [0, 50] });

    expect(doc.results).toHaveLength(4);
    doc.results.forEach(expectWhole);
  });

  test("get them when CPUs try, try some time, or sleep in between", async () => {
    const doc = await run([lockSource("ttas")], { acquire: ["try", "try-spin", "park"], tries: 3 });

    doc.results.forEach(expectWhole);
    const [trying, spinning, parking] = doc.results as [LockResult, LockResult, LockResult];
    expect(parking).toMatchObject({
      acquire: "park",
      failedPercent: 0,
      mostFailed: 0,
      giveUp: null,
    });
    expect(trying.wastedPercent + spinning.wastedPercent).toBeLessThan(200);
  });

  test("are compared, trying with waiting, where both were measured", async () => {
    const options: Partial<LocksOptions> = { acquire: ["spin", "try"], thinkNs: [0, 2000] };
    const doc = await run([lockSource("ttas"), mine({})], { ...options, compareTrylock: true });

    expect(doc.trylock.map(({ lock, thinkNs }) => [lock, thinkNs])).toEqual([
      ["ttas", 0],
      ["ttas", 2000],
    ]);
    const [busy, calm] = doc.trylock as [LocksDocument["trylock"][0], LocksDocument["trylock"][0]];
    expect(busy.spinOtherPercent).toBe(0);
    expect(calm.spinOtherPercent).toBeGreaterThan(0);
  });
});

describe("what is no lock gets no figures, and the others get theirs", () => {
  test.each([
    ["that excludes nobody", { take: "" }, "not a lock", /CPUs took \d+ turns .* counted \d+/],
    [
      "with a gap between look and store",
      {
        take: "while (read_once<u32>(lock) != 0) {} cpu_wait_while<u32>(lock, 0); store<u32>(lock, 1);",
      },
      "not a lock",
      /counted/,
    ],
    [
      "that asserts",
      { take: `${TAKE} assert(atomic_fetch_add<u32>(lock + 4, 1) < 9, "nine");` },
      "fails",
      /nine \(mine.ts:6\)/,
    ],
    [
      "that writes beyond its bytes",
      { take: `${TAKE} store<u32>(lock, 7, 12);` },
      "fails",
      /beyond its LOCK_BYTES, 8/,
    ],
  ] as const)("a lock %s", async (_, parts, verdict, message) => {
    const doc = await run([mine(parts), lockSource("ttas")], { cpus: [1] });

    expect(doc.locks.map((lock) => lock.verdict)).toEqual([verdict, "measured"]);
    expect(doc.locks[0]!.message).toMatch(message);
    expect(doc.results.map(({ lock }) => lock)).toEqual(["ttas"]);
  });

  test("a lock that lets readers in with writers", async () => {
    const more = `
      export function acquire_shared(lock: usize, node: usize): void {}
      export function release_shared(lock: usize, node: usize): void {}`;
    const doc = await run([mine({ more })], { readersPercent: [50] });

    expect(doc.locks[0]).toMatchObject({ verdict: "not a lock" });
    expect(doc.locks[0]!.message).toMatch(/\d+ readers saw a writer at work/);
  });
});

test("a user who has enough before the first round is told, later gets the whole rounds", async () => {
  await expect(run([lockSource("ttas")], { interrupted: () => true })).rejects.toThrow(Interrupted);

  let inRound = "";
  const doc = await run([lockSource("ttas")], {
    ...{ rounds: 50, seconds: 5 },
    onProgress: (_done, _total, note) => (inRound = note),
    interrupted: () => inRound.startsWith("round 3"),
  });
  expect(doc).toMatchObject({ interrupted: true, rounds: 2 });
  expect(doc.results[0]).toMatchObject({ rounds: 2 });
});

test("a lock without try_acquire cannot be tried, and two locks need two names", async () => {
  await expect(run([mine({}), mine({})])).rejects.toThrow(/two of the files are called mine\.ts/);
  await expect(run([mine({})], { acquire: ["try"] })).rejects.toThrow(ConfigError);
});

test("the command ends, with status 1, when a lock hangs it", () => {
  const file = join(mkdtempSync(join(os.tmpdir(), "racier-")), "never.ts");
  writeFileSync(file, lockText({ free: "" }));
  const args = ["locks", file, "--seconds", "0.1", "--rounds", "1", "--cpus", "1"];
  const { status, stdout } = spawnSync(process.execPath, [CLI, ...args], { encoding: "utf8" });

  expect(stdout).toMatch(/never\.ts hangs/);
  expect(status).toBe(1);
});
