// --out of racier explore and racier replay, as a user types it.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ExploreDocument } from "../../../src/experiment/explore-document.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const RACE = ["explore", "unmap-access", "--without", "no-flush-before-free"];
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "racier-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function racier(...words: readonly string[]): { status: number | null; out: string; err: string } {
  const main = join(ROOT, "dist/cli/main.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  return { status, out: stdout, err: stderr };
}

const written = (name: string): string => readFileSync(join(folder, name), "utf8");

test("a page, whose replay command makes a page too", () => {
  const { status, out, err } = racier(...RACE, "--out", join(folder, "race.html"));
  expect(status).toBe(1);
  expect(err).toContain("race.html");
  const line = /racier replay '(.*)'/.exec(out)?.[1] ?? "";
  expect(written("race.html")).toContain(`racier replay &#39;${line}&#39;`);
  racier("replay", line, "--out", join(folder, "again.html"));
  const timelines = (page: string): string =>
    /id="racier-timelines">\n(.*)\n/.exec(written(page))?.[1] ?? page;
  expect(timelines("again.html")).toBe(timelines("race.html"));
});

test("the document that --json prints", () => {
  const { out } = racier(...RACE, "--json", "--out", join(folder, "race.json"));
  expect(JSON.parse(written("race.json"))).toEqual(JSON.parse(out));
});

test("a trace, and an empty one when nothing broke", () => {
  racier(...RACE, "--out", join(folder, "race.trace.json"));
  const events = (name: string): { ph: string }[] =>
    (JSON.parse(written(name)) as { traceEvents: { ph: string }[] }).traceEvents;
  expect(events("race.trace.json").filter(({ ph }) => ph === "X").length).toBeGreaterThan(100);
  const whole = ["explore", "same-page", "--budget", "50"];
  const { status, err } = racier(...whole, "--out", join(folder, "whole.perfetto.json"));
  expect(status).toBe(0);
  expect(err).toContain("nothing broke: the trace is empty");
  expect(events("whole.perfetto.json")).toEqual([]);
});

test("the hall shows each exhibit, whole as it is, as a page and as one document", () => {
  const { status, out } = racier(
    "explore",
    "--budget",
    "2s",
    "--json",
    "--out",
    join(folder, "h.html"),
  );
  expect(status).toBe(0);
  const { exhibits } = JSON.parse(out) as {
    exhibits: { without: string | null; document: ExploreDocument }[];
  };
  expect(exhibits.length).toBeGreaterThan(20);
  const whole = exhibits.filter(({ without }) => without === null);
  expect(whole.filter(({ document }) => document.failure !== null)).toEqual([]);
  const page = written("h.html");
  expect(page.match(/<tr>/g)?.length).toBeGreaterThan(20);
  expect(page).toContain("<details><summary>cow-unmap, kernel 2.6.9, plain-mapcount");
});

test.each([
  ["race.svg", "--out takes a file that ends in .html, .json, .trace.json or .perfetto.json"],
  ["none/race.html", "cannot be written: check that"],
  ["", "--out takes a file that ends in"],
])("%j is refused in words, before the search", (name, sentence) => {
  for (const command of [RACE, ["replay", "cow-unmap:2.6.9@00000000/a1"]]) {
    const { status, out, err } = racier(...command, "--out", join(folder, name));
    expect(status).toBe(2);
    expect(out).toBe("");
    expect(err).toContain(sentence);
    expect(existsSync(join(folder, name)) && name !== "").toBe(false);
  }
});
