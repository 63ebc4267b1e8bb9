// The code base checks itself. Each promise has two tests: the tree keeps it, and a file that breaks it is
// found out.

import { existsSync } from "node:fs";
import { GENERATIONS } from "../src/kernel/catalogue.ts";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  fieldsWithoutSentence,
  leftOver,
  tooLong,
  unpaired,
  unused,
  withoutHead,
  wrongKernelTables,
} from "./tidy/checks.ts";
import { LOCKS } from "../src/lab/catalogue.ts";
import { ROOT, filesIn, topFiles } from "./tidy/source.ts";

/** What may be long, and why: "path" for a file, "path function" for a function. */
const LONG: Readonly<Record<string, string>> = {
  "assembly/explorer/index.ts": "one state machine: a global can be written in its own file only",
  "test/workload/smaps.test.ts": "one reader: each of its messages beside the capture it breaks",
};

/** What users, tests and tools start. */
const ENTRIES = [
  "assembly/index.ts",
  "assembly/explorer/index.ts",
  "src/index.ts",
  "src/cli/main.ts",
];

const kernel = filesIn(["assembly"], [".ts"]);
const host = filesIn(["src"], [".ts"]);
const code = [...kernel, ...filesIn(["src", "test", "bench", "docs"], [".ts", ".mjs"])];
const documents = [
  ...topFiles(["README.md", "CHANGELOG.md", "CONTRIBUTING.md"]),
  ...filesIn(["docs"], [".md"]),
];
const everything = [
  ...code,
  ...documents,
  ...filesIn(["bench/native", ".ci"], [""]),
  ...topFiles(["package.json", "asconfig.json", "eslint.config.js", ".dependency-cruiser.cjs"]),
];

const bad = (text: string, path = "assembly/lock/bad.ts"): [{ path: string; text: string }] => [
  { path, text },
];

describe("no file has more than 400 lines, no function more than 60", () => {
  test("in the tree, but for the list of exceptions", () => {
    expect(tooLong(code, LONG)).toEqual([]);
  });

  test("a longer file, a longer function and a needless exception are found", () => {
    expect(tooLong(bad("f();\n".repeat(401)), {})).toHaveLength(1);
    expect(tooLong(bad(`function f() {\n${"g();\n".repeat(60)}}\n`), {})).toEqual([
      "assembly/lock/bad.ts f has 62 lines: split it, or give the reason",
    ]);
    expect(tooLong(bad("f();\n"), { "assembly/lock/bad.ts": "a table" })).toHaveLength(1);
    expect(tooLong(bad("f();\n".repeat(401)), { "assembly/lock/bad.ts": "a table" })).toEqual([]);
  });
});

describe("every field of a struct has a sentence", () => {
  test("in the tree", () => {
    expect(fieldsWithoutSentence(kernel)).toEqual([]);
  });

  test("a field without one is found, whatever stands before and after it", () => {
    const struct = `
      @unmanaged
      export class Page {
        /** PG_* bits. */
        @atomic flags: u32;
        @atomic _count: i32;
        /** */
        index: u32;
        private _lock: u32; // not above it.
      }
      class Managed { count: i32 = 0; }`;
    expect(fieldsWithoutSentence(bad(struct))).toEqual([
      "assembly/lock/bad.ts:6: _count has no sentence",
      "assembly/lock/bad.ts:8: index has no sentence",
      "assembly/lock/bad.ts:9: _lock has no sentence",
    ]);
  });
});

describe("an ordering comment names its partner, and the partner answers", () => {
  test("in the tree", () => {
    expect(unpaired(kernel)).toEqual([]);
  });

  test("a partner that does not exist, one that is silent, and a bare fence are found", () => {
    const lock = (partner: string): string =>
      `function lock(): void {\n  // ACQUIRE. Pairs with ${partner}: all is visible.\n  get();\n}\n`;
    expect(unpaired(bad(lock("unlock()")))).toEqual([
      "assembly/lock/bad.ts:1: lock() pairs with unlock(), which does not exist",
    ]);
    expect(unpaired(bad(`${lock("unlock()")}function unlock(): void {}\n`))).toEqual([
      "assembly/lock/bad.ts:1: lock() pairs with unlock(), which does not name it back",
    ]);
    const answer =
      "function unlock(): void {\n  // RELEASE. Pairs with lock(): done.\n  put();\n}\n";
    expect(unpaired(bad(`${lock("unlock()")}${answer}`))).toEqual([]);
    expect(unpaired(bad("function f(): void { smp_mb(); }"))).toHaveLength(1);
  });
});

describe("every module is imported by another", () => {
  test("in the tree", () => {
    const workers = [
      "src/engine/threads/worker.ts",
      "src/experiment/explore-worker.ts",
      "src/experiment/explore-hall-worker.ts",
      "src/experiment/locks/worker.ts",
    ].filter((path) => existsSync(join(ROOT, path)));
    // Compiled on the fly: locks by their names, and what stands in for the kernel's files in the lab.
    const locks = ["assembly/lock.ts", ...LOCKS.map(({ file }) => `assembly/${file}.ts`)];
    const lab = kernel.map(({ path }) => path).filter((path) => path.startsWith("assembly/lab/"));
    expect(unused([...kernel, ...host], [...ENTRIES, ...workers, ...locks, ...lab])).toEqual([]);
  });

  test("a module without importer is found; to import itself does not help", () => {
    const files = [
      { path: "src/index.ts", text: 'export * from "./mm/used.ts";' },
      { path: "src/mm/used.ts", text: 'const url = new URL("./worker.js", import.meta.url);' },
      { path: "src/mm/worker.ts", text: "" },
      { path: "src/mm/dead.ts", text: 'import "./dead.ts";' },
    ];
    expect(unused(files, ["src/index.ts"])).toEqual(["src/mm/dead.ts is imported by nobody"]);
  });
});

describe("nothing was put off", () => {
  test("in the tree", () => {
    expect(leftOver(everything)).toEqual([]);
  });

  test("a mark is found, but not in the middle of a word", () => {
    expect(leftOver(bad(`// ${"TO" + "DO"}: lock\n// ${"FIX" + "ME"}s\n`))).toEqual([
      `assembly/lock/bad.ts:1: ${"TO" + "DO"}`,
    ]);
  });
});

describe("every file begins by saying what it is", () => {
  test("in the tree", () => {
    expect(withoutHead([...kernel, ...filesIn(["src", "bench"], [".ts", ".mjs"])])).toEqual([]);
  });

  test("a file that begins with code is found", () => {
    expect(withoutHead(bad('import "./a";\n// Late.\n'))).toHaveLength(1);
    expect(withoutHead(bad("#!/usr/bin/env node\n// In time.\n"))).toEqual([]);
  });
});

describe("tables of kernels list the kernels of the catalogue", () => {
  test("in the documents", () => {
    expect(wrongKernelTables(documents, kernelNames())).toEqual([]);
  });

  test("a kernel too few and one too many are found", () => {
    const table = "| kernel | lock |\n|---|---|\n| `2.6.8` | bit |\n| 2.6.7 | none |\n";
    expect(wrongKernelTables(bad(table, "docs/kernels.md"), ["2.6.8", "2.6.9"])).toEqual([
      "docs/kernels.md:1: the table does not list 2.6.9",
      "docs/kernels.md:1: the catalogue has no kernel 2.6.7",
    ]);
  });
});

/** Kernels that users can name. */
const kernelNames = (): string[] => GENERATIONS.map(({ name }) => name);
