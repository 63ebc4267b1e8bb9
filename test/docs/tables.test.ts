// What documents say in tables and numbers is what the code says.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { GENERATIONS } from "../../src/kernel/catalogue.ts";
import * as layout from "../../src/layout/structs.gen.ts";
import { MAX_CPUS } from "../../src/machine/config.ts";
import { ProgramTask } from "../../src/machine/task.ts";
import { MAX_MAP_COUNT } from "../../src/mm/vma.ts";
import { presetNames } from "../../src/workload/process-layout/presets.ts";
import { ROOT, filesIn } from "../tidy/source.ts";
import { codeBlocks, codeSpans, documentOf, links, table } from "./markdown.ts";

const README = documentOf("README.md");
const ARCHITECTURE = documentOf("docs/architecture.md");
const WORKLOAD = documentOf("docs/writing-a-workload.md");

/** What the command line prints. */
function racier(...words: readonly string[]): string {
  const main = join(ROOT, "dist/cli/main.js");
  return execFileSync(process.execPath, [main, ...words], { encoding: "utf8" });
}

/** The commands that --help lists. */
function commands(): string[] {
  const [, list = ""] = racier("--help").split("Commands:\n");
  return [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name = ""]) => name);
}

/** Words in backticks of one cell. */
const spans = (cell: string | undefined): string[] => codeSpans(cell ?? "");

describe("README.md", () => {
  test("shows what `racier kernels` prints", () => {
    const blocks = codeBlocks(README).map(({ text }) => text);
    expect(blocks).toContain(`$ npm run -s racier -- kernels\n${racier("kernels").trimEnd()}\n`);
  });

  test("names every command, and none that does not exist", () => {
    const named = [...README.matchAll(/racier (?:-- )?(\w+)/g)].map(([, name]) => name);
    const known = commands().filter((name) => name !== "help");
    expect(known.filter((name) => !named.includes(name))).toEqual([]);

    const inCode = codeSpans(README).flatMap((code) => /^racier ([a-z]+)/.exec(code)?.[1] ?? []);
    expect(inCode.filter((name) => !known.includes(name))).toEqual([]);
  });

  test("lists every preset", () => {
    const row = table(README, "option", "process").find(([option]) => option === "`--preset NAME`");
    expect(spans(row?.[1])).toEqual(presetNames());
  });

  test("lists the exit statuses of the head of src/cli/main.ts", () => {
    const head = readFileSync(join(ROOT, "src/cli/main.ts"), "utf8").split("\n\n", 1)[0] ?? "";
    const statuses = [...head.matchAll(/\b(\d+) {2}\w/g)].map(([, status]) => status);
    expect(table(README, "exit status").map(([status]) => status)).toEqual(statuses);
  });

  test("links every document and every example", () => {
    const linked = new Set(links(README));
    const all = filesIn(["docs"], [".md", ".mjs"])
      .map(({ path }) => path)
      .filter((path) => !path.startsWith("docs/decisions/0"));
    expect(all.filter((path) => !linked.has(path))).toEqual([]);
  });
});

test("every option that a document names is one of the command line's", () => {
  const tools = ["--check", "--json"];
  const help = commands().map((name) => racier(name === "help" ? "--help" : name, "--help"));
  const options = new Set(help.join("").match(/--[a-z]+/g));
  for (const text of [README, WORKLOAD, documentOf("docs/kernels.md")]) {
    const named = codeSpans(text).flatMap((code) => /^--[a-z]+/.exec(code) ?? []);
    expect(named.filter((name) => !options.has(name) && !tools.includes(name))).toEqual([]);
  }
});

describe("docs/architecture.md", () => {
  test("has the memory map of the kernel", () => {
    const rows = table(ARCHITECTURE, "from", "constant").filter(([, constant]) => constant !== "");
    for (const [from, constant] of rows) {
      const value = layout[spans(constant)[0] as keyof typeof layout];
      expect(spans(from)[0], constant).toBe(`0x${(value as number).toString(16)}`);
    }
    expect(rows.length).toBeGreaterThanOrEqual(9);
  });

  test("has the layers of dependency-cruiser, in their order", () => {
    const rules = readFileSync(join(ROOT, ".dependency-cruiser.cjs"), "utf8");
    const [, chain = ""] = /const CHAIN = \[([^\]]*)\]/.exec(rules) ?? [];
    const layers = [...chain.matchAll(/"(\w+)"/g)].map(([, name = ""]) => name);

    const picture = layers.map((name) => `src/${name}`).join(" ─> ");
    expect(ARCHITECTURE).toContain(`assembly ─> ${picture}`);
    const listed = table(ARCHITECTURE, "layer").map(([layer]) => spans(layer)[0]);
    expect(listed.filter((name) => !name?.includes("engine"))).toEqual([
      "assembly/",
      ...layers.map((name) => `src/${name}`),
    ]);
  });

  test.each([
    [/64 areas of (\d+) KiB/, layout.PERCPU_SIZE / 1024],
    [/(\d+) areas of/, layout.NR_CPUS],
    [/has a TLB of (\d+) entries/, layout.TLB_SETS * layout.TLB_WAYS],
    [/(\d+) sets of 4 ways/, layout.TLB_SETS],
    [/collects up to (\d+) pages/, layout.FREE_PTE_NR],
    [/one `struct page` of (\d+) bytes/, layout.Page.SIZE],
  ])("says %s as the kernel does", (pattern, value) => {
    expect(Number(pattern.exec(ARCHITECTURE)?.[1])).toBe(value);
  });
});

describe("docs/kernels.md", () => {
  const text = documentOf("docs/kernels.md");

  test("says when each kernel was released", () => {
    const rows = table(text, "kernel", "released").map(([kernel, released]) => [kernel, released]);
    expect(rows).toEqual(GENERATIONS.map(({ name, released }) => [name, released]));
  });

  test.each([
    [/`PG_maplock` \(bit (\d+)\)/, Math.log2(layout.PG_maplock)],
    [/`PG_anon` \(bit (\d+)\)/, Math.log2(layout.PG_anon)],
    [/waits in a pagevec \((\d+) per CPU\)/, layout.PAGEVEC_SIZE],
    [/the stack's (\d+) MiB/, layout.STACK_RLIMIT / 2 ** 20],
    [/and ([\d,]+) VMAs/, MAX_MAP_COUNT],
    [/`struct page` of (\d+) bytes/, layout.Page.SIZE],
  ])("says %s as the kernel does", (pattern, value) => {
    expect(Number(pattern.exec(text)?.[1]?.replace(",", ""))).toBe(value);
  });
});

test("docs/writing-a-workload.md lists every member of a task, and no other", () => {
  const rows = table(WORKLOAD, "member", "what it does");
  const listed = rows.flatMap(([member]) => spans(member).map((code) => code.split("(", 1)[0]));

  const methods = Object.getOwnPropertyNames(ProgramTask.prototype);
  const members = [...methods.filter((name) => name !== "constructor"), "pid", "cpu", "address"];
  expect(listed.toSorted()).toEqual(members.toSorted());
});

describe("docs/decisions", () => {
  const records = filesIn(["docs/decisions"], [".md"]).filter(({ path }) => /\/\d/.test(path));

  test("records are numbered without a gap, and the list has them all", () => {
    const numbers = records.map(({ path }) => path.slice("docs/decisions/".length).slice(0, 4));
    expect(numbers).toEqual(records.map((_, index) => String(index + 1).padStart(4, "0")));
    expect(links(documentOf("docs/decisions/README.md"))).toEqual(
      records.map(({ path }) => path.slice("docs/decisions/".length)),
    );
  });

  test("each has its number, a context, a decision and a consequence", () => {
    for (const [index, { path, text }] of records.entries()) {
      const parts = [...text.matchAll(/^\*\*(\w+)\.\*\*/gm)].map(([, name]) => name);
      expect(text, path).toMatch(new RegExp(`^# ${index + 1}\\. `));
      expect(parts, path).toEqual(["Context", "Decision", "Consequence"]);
    }
  });
});

test("a machine has as many CPUs at most as the kernel has areas", () => {
  expect(MAX_CPUS).toBe(layout.NR_CPUS);
});
