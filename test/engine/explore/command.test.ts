// racier explore and racier replay, as a user types them.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExploreDocument } from "../../../src/experiment/explore-document.ts";
import { SWITCHES_OFF } from "../../../src/scenario/switches.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const EXAMPLES = join(ROOT, "docs/examples/explore");

interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function racier(...words: readonly string[]): Ran {
  const main = join(ROOT, "dist/cli/main.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  return { status, out: stdout, err: stderr };
}

const example = (name: string): string => join(EXAMPLES, `${name}.ts`);

describe("the examples", () => {
  test.each([
    ["spin-lock", "every behaviour"],
    ["peterson", "every behaviour"],
  ])("%s is shown to be right: %s", (name, complete) => {
    const { status, out } = racier("explore", example(name));
    expect(status).toBe(0);
    expect(out).toContain(`complete: ${complete} is right`);
  });

  test.each([
    ["broken-lock", "data race: counter: work on CPU 1 and work on CPU 0"],
    ["stack", "assertion: a node that somebody owns was taken"],
  ])("%s is broken, and its line shows it again", (name, message) => {
    const { status, out } = racier("explore", example(name));
    expect(status).toBe(1);
    expect(out).toContain(message);
    expect(out).toMatch(/^ +CPU 0 +CPU 1$/m);

    const line = /again: racier replay '(.*)'/.exec(out)?.[1] ?? "";
    const again = racier("replay", line);
    expect(again.status).toBe(1);
    expect(again.out).toContain(message);
    const diagram = (text: string): string => text.slice(text.indexOf("CPU 0  "));
    expect(diagram(again.out)).toBe(diagram(out));
  });

  test("broken-lock without data races is found by its check", () => {
    const { status, out } = racier("explore", example("broken-lock"), "--off", "data-race");
    expect(status).toBe(1);
    expect(out).toContain("check: check() says that the result is wrong");
  });

  test.each(["dpor", "preemptions", "delays", "pct", "random"])(
    "stack is broken under %s",
    (strategy) => {
      const { status } = racier(
        "explore",
        example("stack"),
        "--strategy",
        strategy,
        "--budget",
        "20000",
      );
      expect(status).toBe(1);
    },
  );
});

describe("scenarios", () => {
  test("a kernel without a measure is broken, with names in the diagram, and its line shows it again", () => {
    const words = ["cow-unmap", "--without", "plain-mapcount", "--off", "data-race"];
    const { status, out } = racier("explore", ...words);
    expect(status).toBe(1);
    expect(out).toContain("cow-unmap, kernel 2.6.9, plain-mapcount");
    expect(out).toMatch(/zap_pte_range: .*page\[\d+\]\._mapcount/);

    const line = /again: racier replay '(.*)'/.exec(out)?.[1] ?? "";
    expect(line).toMatch(/^cow-unmap:2\.6\.9:plain-mapcount@[0-9a-f]{8}\//);
    const again = racier("replay", line);
    expect(again.status).toBe(1);
    expect(again.out).toContain(/^BUG_\w+|^I-\w+/m.exec(out)?.[0] ?? "no rule");
  });

  test("a kernel as it is stays whole", () => {
    const { status, out } = racier("explore", "same-page", "--kernel", "2.6.8", "--budget", "500");
    expect(status).toBe(0);
    expect(out).toContain("nothing broke within the budget");
  });

  test("the list names every scenario and every measure", () => {
    const { status, out } = racier("scenarios", "--json");
    const { scenarios } = JSON.parse(out) as { scenarios: { name: string; switches: string[] }[] };
    expect(status).toBe(0);
    expect(scenarios.map(({ name }) => name)).toContain("first-touch");
    const named = new Set(scenarios.flatMap(({ switches }) => switches));
    expect([...named].sort()).toEqual(Object.keys(SWITCHES_OFF).sort());
  });

  test("two measures share a bit only where no kernel has both", () => {
    const names = Object.keys(SWITCHES_OFF) as (keyof typeof SWITCHES_OFF)[];
    const sharing = names.map((name) =>
      names.filter((other) => SWITCHES_OFF[other] === SWITCHES_OFF[name]),
    );
    const shared = sharing.filter((group) => group.length > 1).map((group) => group.sort().join());

    // Of 2.6.6 and of anonmm.
    expect([...new Set(shared)].sort()).toEqual([
      "late-anonmm-count,unlocked-pte-chain",
      "late-spare,unlocked-migration",
    ]);
  });

  test.each([
    [["nothing"], 'there is no scenario "nothing": there are first-touch'],
    [["same-page", "--without", "luck"], 'there is no switch "luck": there are no-flush'],
    [["same-page", "--kernel", "2.4.0"], "2.4.0"],
    [["same-page", "--off", "luck"], 'there is no detector "luck": there are assertion, check'],
    [
      ["same-page", "--release", "--without", "no-pte-same"],
      "has no switches: leave --release out",
    ],
    [
      ["--release"],
      "--kernel, --lock, --without, --release and --cpus need the name of a scenario",
    ],
    [["--kernel", "2.6.9"], "need the name of a scenario"],
    [["--budget", "100"], "the hall takes a --budget in time"],
    [["--checkpoint", "x"], "--checkpoint needs the name of a scenario, or a file"],
  ])("%j is refused in words", (words, sentence) => {
    const { status, err } = racier("explore", ...words);
    expect(status).toBe(2);
    expect(err).toContain(sentence);
  });
});

test("--json is one document", () => {
  const { status, out } = racier("explore", example("stack"), "--json");
  const document = JSON.parse(out) as ExploreDocument;
  expect(status).toBe(1);
  expect(document).toMatchObject({
    command: "explore",
    subject: "stack.ts",
    cpus: 2,
    ended: "found",
    complete: "every interleaving with at most 0 preemptions",
  });
  expect(document.failure?.steps.length).toBeGreaterThan(5);
});

describe("what is wrong is said in words", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "racier-"));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  test("a file that does not exist, or does not compile", () => {
    expect(racier("explore", "/no/such.ts")).toMatchObject({
      status: 2,
      err: expect.stringContaining("there is no program file /no/such.ts") as string,
    });
    const { status, err } = racier(
      "explore",
      file("bad.ts", "export function cpu0(): void { nothing(); }"),
    );
    expect(status).toBe(2);
    expect(err).toContain("does not compile");
    expect(err).toContain("Cannot find name 'nothing'");
    expect(racier("explore", file("lock.txt", "export function cpu0(): void {}"))).toMatchObject({
      status: 2,
      err: expect.stringContaining("its name must end in .ts") as string,
    });
  });

  test("a program without CPUs, with an unknown import", () => {
    expect(racier("explore", file("none.ts", "export function setup(): void {}")).err).toContain(
      "has 0 programs: export cpu0",
    );
    const text =
      '@external("env", "f") declare function f(): void; export function cpu0(): void { f(); }';
    expect(racier("explore", file("import.ts", text)).err).toContain(
      "imports env.f, which the explorer does not have",
    );
  });

  test.each([
    [["--strategy", "luck"], "there is no strategy"],
    [["--budget", "soon"], "--budget takes a time"],
    [["--depth", "0"], "--depth takes a whole number"],
    [["--seed", "-1"], "--seed takes a whole number"],
    [["--workers", "0"], "--workers takes a whole number from 1 to 64"],
    [["--workers", "65"], "--workers takes a whole number from 1 to 64"],
  ])("%j", (words, sentence) => {
    const { status, err } = racier("explore", example("stack"), ...words);
    expect(status).toBe(2);
    expect(err).toContain(sentence);
  });

  test("a schedule of code that has changed", () => {
    const { status, err } = racier("replay", `${example("stack")}@00000000/a1`);
    expect(status).toBe(2);
    expect(err).toContain("explore it again");
  });
});
