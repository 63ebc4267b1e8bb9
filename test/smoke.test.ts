// Every bench runs with its smallest values, so that none can rot.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";

const ROOT = new URL("../", import.meta.url);
const benches = readdirSync(new URL("bench/", ROOT)).filter((name) => name.endsWith(".bench.ts"));

test("there are benches", () => {
  expect(benches.length).toBeGreaterThan(5);
});

test.each(benches)("%s: runs with smoke values and prints its table and a hash", (name) => {
  const run = spawnSync(
    process.execPath,
    ["--import", "./src/build/ts-loader.mjs", `bench/${name}`],
    { cwd: ROOT, encoding: "utf8", env: { ...process.env, BENCH: "smoke" }, timeout: 50_000 },
  );

  expect(run.stderr).toBe("");
  expect(run.status).toBe(0);
  expect(run.stdout).toContain("smoke values");
  expect(run.stdout).toMatch(/hash of the work [0-9a-f]{8}/);
});
