// Every bench runs with its smallest values, as `npm run bench` runs it, and prints its table. What the
// numbers say is not looked at: they are times.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const LOADER = "./src/build/ts-loader.mjs";

const benches = readdirSync(`${ROOT}bench`)
  .filter((file) => file.endsWith(".bench.ts"))
  .map((file) => file.replace(".bench.ts", ""));

/** What the table of each bench has a line about. */
const LINES: Readonly<Record<string, readonly RegExp[]>> = {
  access: [/^load32, TLB hit /m, /^brk\(0\): mmap_sem /m],
  boot: [/^boot, first of a process .* <= 150$/m, /^memory overhead, 1G .* <= 3$/m],
  "explore-cost": [/^2\.6\.9 on one CPU, .* <= 30$/m, /^map-fault, random, \d+ events /m],
  explore: [/^racy counter, 2 CPUs, pct3 /m, /^cow-unmap, random /m],
  "fork-exit": [/^2\.6\.8 1024 anonymous pages .* <= 1\.25$/m, /^2\.6\.9 lmbench, .* <= 2$/m],
  linux: [/^2\.6\.9 fork\+exit\+wait, slope .* <= 0\.4$/m, /^2\.6\.8 COW break .* <= 0\.4$/m],
  locks: [/^ttas/m],
  notifiers: [/^2\.6\.27 COW, nobody registered .* <= 1\.02$/m, /^mmn-v13 guest hit .* <= 20$/m],
  "pte-copy": [/^2\.6\.8 copy, 512 PTEs, .* <= 1\.1$/m, /^2\.6\.9 zap, 16384 PTEs, .* <= 1\.1$/m],
  "rmap-walk": [
    /^2\.6\.8 page_referenced, 10 mappers .* <= 1\.2$/m,
    /^2\.6\.9 try_to_unmap, 1 mapper .* <= 1\.2$/m,
    /^2\.6\.9 grace period, 2 CPUs .* <= 100$/m,
    /^2\.6\.9 swapoff by anon_vma, .* <= 1000$/m,
  ],
  "scale-linux": [/^2\.6\.8 page_fault1 .* <= 0\.5$/m, /^2\.6\.9 malloc1 .* <= 0\.5$/m],
  scaling: [/^2\.6\.8 read faults .* >= 1\.9$/m, /^2\.6\.9 forks, 4096 pages .* >= 1\.9$/m],
  vma: [/^find_vma of 1,000 VMAs, net .* <= 40$/m, /^mmap\+munmap anywhere of 10,000 .* <= 3$/m],
};

test("every bench is listed here with lines of its table", () => {
  expect(benches).toEqual(Object.keys(LINES));
});

test.each(benches)("%s ends well and prints its table, seed, host and hash", (name) => {
  const file = `bench/${name}.bench.ts`;
  const env = { ...process.env, BENCH: "smoke", NO_COLOR: "1" };
  const run = spawnSync(process.execPath, ["--import", LOADER, file], {
    cwd: ROOT,
    encoding: "utf8",
    env,
    timeout: 170_000,
  });

  expect(run.stderr).toBe("");
  expect(run.status).toBe(0);
  expect(run.stdout).toMatch(/^seed \d+, smoke values/m);
  expect(run.stdout).toMatch(/^host .* cores, .* node /m);
  expect(run.stdout).toMatch(/^hash of the work [\da-f]{8}$/m);
  for (const line of LINES[name] ?? []) expect(run.stdout).toMatch(line);
});
