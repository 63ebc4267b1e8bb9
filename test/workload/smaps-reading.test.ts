// Smaps as they are read from a file and from a running process, not from a text.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { summarise, validateLayout } from "../../src/workload/process-layout/layout.ts";
import { readSmapsFile, readSmapsOfPid } from "../../src/workload/process-layout/smaps.ts";

const linux = process.platform === "linux";

test.runIf(linux)("a process that runs and holds still is read", async () => {
  const child = spawn(process.execPath, ["-e", "console.log(); process.stdin.resume()"]);
  try {
    await once(child.stdout, "data");
    child.kill("SIGSTOP");
    const pid = child.pid ?? 0;
    const layout = readSmapsOfPid(pid);

    validateLayout(layout);
    expect(layout.source).toBe(`pid ${pid}`);
    expect(summarise(layout).anonymousPages).toBeGreaterThan(0);
  } finally {
    child.kill("SIGKILL");
  }
});

test("the text of a file is read whole, whatever its size", () => {
  const folder = mkdtempSync(join(tmpdir(), "racier-"));
  const path = join(folder, "long");
  const vma = (i: number): string => {
    const at = (i: number): string => (0x400000 + i * 0x1000).toString(16).padStart(8, "0");
    return `${at(i)}-${at(i + 1)} r-xp 00000000 00:00 0 /bin/${"x".repeat(200)}\nSize: 4 kB\nRss: 4 kB\n`;
  };
  const count = 12_000;
  writeFileSync(path, Array.from({ length: count }, (_, i) => vma(i)).join(""));

  expect(readSmapsFile(path).vmas).toHaveLength(count);
  rmSync(folder, { recursive: true });
});
