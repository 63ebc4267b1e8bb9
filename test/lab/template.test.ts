// The way of a lock of one's own: the template through the compiler, the examination and the explorer.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lockSource } from "../../src/lab/sources.ts";
import { AT, LabThreads, alone, explore, serve } from "../examination/lab.ts";
import { ROOT } from "../tidy/source.ts";

test("racier new lock writes a lock that passes the examination, and overwrites nothing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "racier-new-"));
  const path = join(folder, "locks/mine.ts");
  const racier = (...words: string[]): string =>
    execFileSync(process.execPath, [join(ROOT, "dist/cli/main.js"), ...words], {
      stdio: "pipe",
    }).toString();
  try {
    expect(racier("new", "lock", path)).toContain(`racier explore ${path}`);
    const text = readFileSync(path, "utf8");
    expect(() => racier("new", "lock", path)).toThrow(/is there already: give another name/);
    expect(readFileSync(path, "utf8")).toBe(text);

    const source = lockSource(path);
    const [zero, one] = await alone(source);
    zero.acquire(AT.lock, AT.node(0));
    expect(one.try_acquire(AT.lock, AT.node(1))).toBe(0);
    zero.release(AT.lock, AT.node(0));
    expect(one.try_acquire(AT.lock, AT.node(1))).toBe(1);
    expect(await explore(source, {})).toMatchObject({ rule: undefined, ended: true });
    expect((await serve(source)).before).toBeGreaterThan(80);
    const threads = new LabThreads(2);
    expect(await threads.hammer(source, 3000)).toEqual({ lost: 0, broken: 0 });
    await threads.stop();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
