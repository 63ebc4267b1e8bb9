// A search that is broken off goes on where it was, and ends as if nothing had happened.

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Written } from "../../../src/experiment/explore-checkpoint.ts";
import type { ExploreDocument } from "../../../src/experiment/explore-document.ts";
import type { StrategyName } from "../../../src/experiment/explore-plan.ts";
import { compileText, racyCounter } from "../../support/explored.ts";
import { IN_ORDER, disorder, search, slicerOf } from "./search-harness.ts";

const MAIN = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));

let folder = "";
let program = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "racier-"));
  program = join(folder, "counter.ts");
  writeFileSync(program, racyCounter(2, 6));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const explore = (...words: readonly string[]): string[] => [MAIN, "explore", ...words, "--json"];

function run(...words: readonly string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, explore(...words), {
    encoding: "utf8",
  });
  return { status, out: stdout, err: stderr };
}

/** The document without what may differ from run to run. */
function document(out: string): Partial<ExploreDocument> {
  const { host, seconds, checkpoint, ...rest } = JSON.parse(out) as ExploreDocument;
  expect([typeof host, typeof seconds, typeof checkpoint]).not.toContain("undefined");
  return rest;
}

/** Waits until the file tells of some executions. */
async function untilWritten(file: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const [, body = ""] = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
    if (body !== "" && (JSON.parse(body) as Written).ledger.counts.executions > 0) return;
    await sleep(10);
  }
  throw new Error("the search has ended before it could be killed");
}

const ended = (child: ChildProcess): Promise<unknown> =>
  new Promise((resolve) => child.once("close", resolve));

describe("books that are written down at any time, and read again", () => {
  test.each<[StrategyName, number]>([
    ["dfs", 4000],
    ["preemptions", Infinity],
    ["dpor", Infinity],
    ["mix", Infinity],
    ["pct", 2500],
  ])("%s, %d executions: nothing is lost, nothing is counted twice", async (strategy, budget) => {
    const slicer = slicerOf(await compileText(racyCounter(2, 4)));
    const task = { strategy, budget, depth: 2, seed: 1 };
    const expected = search(slicer, task, IN_ORDER);
    const property = fc.property(disorder(true), (any) => {
      expect(search(slicer, task, any)).toEqual(expected);
    });
    fc.assert(property, { numRuns: 6 });
  });
});

describe("a real search", () => {
  const words = (): string[] => [program, "--strategy", "dfs", "--budget", "400000"];

  test("that is killed ends as if it had not been, and its file then has the result", async () => {
    const file = join(folder, "killed");
    const checkpoint = ["--checkpoint", file];
    const child = spawn(process.execPath, explore(...words(), ...checkpoint), { stdio: "ignore" });
    await untilWritten(file, child);
    child.kill("SIGKILL");
    await ended(child);

    const after = run(...words(), ...checkpoint);
    expect(document(after.out)).toEqual(document(run(...words()).out));
    const kept = readFileSync(file, "utf8");
    expect(document(run(...words(), ...checkpoint).out)).toEqual(document(after.out));
    expect(readFileSync(file, "utf8")).toBe(kept);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("that is interrupted says what it has seen, leaves no worker behind, and can go on", async () => {
    const file = join(folder, "interrupted");
    const endless = [program, "--strategy", "random", "--budget", "1h", "--checkpoint", file];
    const child = spawn(process.execPath, explore(...endless), {
      stdio: ["ignore", "pipe", "ignore"],
    });
    let out = "";
    child.stdout.on("data", (text: Buffer) => (out += text.toString()));
    await untilWritten(file, child);
    child.kill("SIGINT");
    await ended(child);

    const { ended: how, interrupted, executions } = document(out);
    expect([how, interrupted]).toEqual(["interrupted", true]);
    const more = document(run(...endless.with(4, "1s")).out);
    expect(more.ended).toBe("time");
    expect(more.executions).toBeGreaterThan((executions ?? Infinity) / 2);
  });
});

describe("a file that does not fit is refused, and stays as it is", () => {
  const base = (): string[] => [program, "--budget", "50"];
  let file = "";
  let good = "";
  beforeAll(() => {
    file = join(folder, "checkpoint");
    expect(run(...base(), "--checkpoint", file).status).toBe(0);
    good = readFileSync(file, "utf8");
  });

  test.each<[string, (text: string) => string, readonly string[], string]>([
    ["another seed", (text) => text, ["--seed", "2"], "of another search (seed 1, not 2)"],
    ["another budget", (text) => text, ["--budget", "60"], "(executions 50, not 60)"],
    ["a detector less", (text) => text, ["--off", "livelock"], '(off [], not ["livelock"])'],
    ["a changed digit", (text) => text.replace(/\d(?=\D*$)/, "x"), [], "is damaged"],
    ["a part", (text) => text.slice(0, 200), [], "is damaged"],
    ["something else", () => "my diary\n", [], "is no checkpoint of racier"],
  ])("%s", (_, change, words, sentence) => {
    const text = change(good);
    writeFileSync(file, text);
    const { status, err } = run(...base(), ...words, "--checkpoint", file);
    expect([status, err]).toEqual([2, expect.stringContaining(sentence)]);
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  test("other code, another subject, a folder that does not exist", () => {
    writeFileSync(file, good);
    writeFileSync(program, racyCounter(2, 7));
    expect(run(...base(), "--checkpoint", file).err).toContain("a checkpoint of other code");
    expect(run("same-page", "--budget", "50", "--checkpoint", file).err).toContain(file);
    expect(readFileSync(file, "utf8")).toBe(good);
    const nowhere = join(folder, "none", "file");
    expect(run(...base(), "--checkpoint", nowhere)).toMatchObject({
      status: 2,
      err: expect.stringContaining("cannot be written") as string,
    });
  });
});
