// The examples of docs/examples run as a user runs them, with the built package, and print what they promise.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { ROOT, filesIn } from "../tidy/source.ts";

const MOST_LINES = 60;

/** What each example prints, line by line. */
const EXPECTED: Readonly<Record<string, readonly RegExp[]>> = {
  "boot-and-fork": ["2.6.8", "2.6.9"].flatMap((kernel) => [
    new RegExp(`^Linux ${kernel}: forked process 2, 1000 pages$`),
    /^ {2}process 2 ended with status 2: the word it saw is 2$/,
    /^ {2}the parent's word is still 1$/,
    /^ {2}page faults: parent 1000, child 1$/,
  ]),
  "copy-on-write": [
    /^before fork: frame (\d+), mapped by 1 PTE\(s\)$/,
    /^after fork, [\w -]+: frame (\d+), mapped by 2 PTE\(s\)$/,
    /^after a store [\w ,]+: frame (\d+), mapped by 1 PTE\(s\); frame (\d+), mapped by 1 PTE\(s\)$/,
    /^after the child [\w ,]+: frame (\d+), mapped by 1 PTE\(s\)$/,
  ],
  "fork-benchmark": [
    /^fork \+ exit of 2048 pages, median of 3 rounds$/,
    /^2\.6\.8 +\d+\.\d ns a page$/,
    /^2\.6\.9 +\d+\.\d ns a page$/,
  ],
  signals: [
    /^load from a read-only page: 42$/,
    /^store to a read-only page: SIGSEGV, write at 0x[0-9a-f]+000$/,
    /^load from an unmapped page: SIGSEGV, read at 0x[0-9a-f]+000$/,
    /^load of 32 bits at an odd address: SIGBUS, read at 0x[0-9a-f]+001$/,
    /^load behind the last page of a file: SIGBUS, read at 0x[0-9a-f]+000$/,
    /^load again: 42$/,
    /^a child that crashed: status 0, signal 11$/,
    /^a program of the host that crashed: MachineSignal, SIGSEGV: write at 0x0$/,
  ],
  "tlb-shootdown": [
    /^the reader could read the page \([1-9]\d* times\), then it could not$/,
    /^CPU 0: started 1 shootdowns, was interrupted 0 times$/,
    /^CPU 1: started 0 shootdowns, was interrupted 1 times$/,
  ],
};

const ARGUMENTS: Readonly<Record<string, readonly string[]>> = { "fork-benchmark": ["3"] };

const examples = filesIn(["docs/examples"], [".mjs"]);
const nameOf = (path: string): string => path.replace(/^docs\/examples\/|\.mjs$/g, "");

/** What an example prints, line by line. */
async function output(name: string): Promise<string[]> {
  const words = [`docs/examples/${name}.mjs`, ...(ARGUMENTS[name] ?? [])];
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: join(ROOT) });
  return stdout.trimEnd().split("\n");
}

test("every example has an expectation, and every expectation an example", () => {
  expect(examples.map(({ path }) => nameOf(path))).toEqual(Object.keys(EXPECTED).sort());
});

test("every example is short, says how to run it, and imports the package by its name", () => {
  for (const { path, text } of examples) {
    expect(text.trimEnd().split("\n").length, path).toBeLessThanOrEqual(MOST_LINES);
    expect(text.split("\n\n", 1)[0], path).toContain(`node ${path}`);
    expect(text, path).toContain('from "racier"');
  }
});

test.each(Object.keys(EXPECTED))("the example %s prints what it promises", async (name) => {
  const lines = await output(name);

  const expected = EXPECTED[name] ?? [];
  expect(lines).toEqual(expected.map((line): unknown => expect.stringMatching(line)));
});

test("the example copy-on-write: the parent moves to a frame of its own, the child keeps the old", async () => {
  const lines = await output("copy-on-write");

  const [before, forked, stored, ended] = lines.map((line) =>
    [...line.matchAll(/frame (\d+),/g)].map(([, frame]) => Number(frame)),
  );
  expect(forked).toEqual(before);
  expect(stored).toHaveLength(2);
  expect(stored).toContain(before?.[0]);
  expect(ended).toEqual(stored?.filter((frame) => frame !== before?.[0]));
});
