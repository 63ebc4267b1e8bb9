// Programs and commands that documents show are run, and print what stands below them.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../tidy/source.ts";
import { codeBlocks, documentOf } from "./markdown.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "racier-docs-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(ROOT, join(folder, "node_modules/racier"));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const node = (...words: readonly string[]): string =>
  execFileSync(process.execPath, words, { cwd: folder, encoding: "utf8" });

/** Writes the programs of a document, which begin with their names, and gives the other blocks. */
function writePrograms(path: string): { language: string; text: string }[] {
  return codeBlocks(documentOf(path)).filter(({ language, text }) => {
    const [, name] = /^\/\/ ([\w-]+\.mjs)/.exec(text) ?? [];
    if (language !== "js" || name === undefined) return true;
    writeFileSync(join(folder, name), text);
    return false;
  });
}

/** Commands of a document with what they print: in one block after "$", or in two. */
function commandsOf(blocks: readonly { language: string; text: string }[]): [string, string][] {
  return blocks.flatMap(({ language, text }, index): [string, string][] => {
    const [, command, output] = /^(?:\$ )?npm run -s racier -- (run .*)\n([^]*)$/.exec(text) ?? [];
    if (command === undefined) return [];
    return [[command, language === "sh" ? (blocks[index + 1]?.text ?? "") : (output ?? "")]];
  });
}

/** Times differ from run to run. */
const timeless = (text: string): string => text.replace(/("nsPerPage":)\d+/g, "$1N");

test.each([
  ["README.md", 1],
  ["docs/writing-a-workload.md", 2],
])("%s: `racier run` of its programs prints what it shows", (path, count) => {
  const commands = commandsOf(writePrograms(path));

  expect(commands).toHaveLength(count);
  for (const [command, output] of commands) {
    const printed = node(join(ROOT, "dist/cli/main.js"), ...command.split(" "));
    expect(timeless(printed), command).toBe(timeless(output));
  }
});

test.each([
  ["README.md", /^\[\s*\{ minorFaults: 4096, childrenMinorFaults: 0 \},\s*\{ minorFaults: 4096/],
  ["docs/writing-a-workload.md", /^\{ fromChild: 8, fromThread: 9, ended: 2 \}$/m],
])("%s: the code that uses the API runs", (path, expected) => {
  const code = writePrograms(path).find(({ text }) => text.includes("Machine.boot({"));

  writeFileSync(join(folder, "own.mjs"), code?.text ?? "");

  expect(node("own.mjs")).toMatch(expected);
});

test("docs/writing-a-workload.md: the program in TypeScript runs", () => {
  const code = codeBlocks(documentOf("docs/writing-a-workload.md"));
  const { text = "" } = code.find(({ language }) => language === "ts") ?? {};
  writeFileSync(join(folder, "program.ts"), text);

  expect(node(join(ROOT, "dist/cli/main.js"), "run", "program.ts")).toBe("CPU 0: 1\n");
});
