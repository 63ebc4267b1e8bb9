// Layouts: their rules, the presets and the synthetic ones, and where smaps can be read from.

import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, test } from "vitest";

import { ConfigError } from "../../src/kernel/error.ts";
import { PAGE_SIZE } from "../../src/layout/units.ts";
import {
  residentRange,
  summarise,
  validateLayout,
  writtenRange,
} from "../../src/workload/process-layout/layout.ts";
import type { ProcessLayout, VmaLayout } from "../../src/workload/process-layout/layout.ts";
import { loadPreset, presetNames } from "../../src/workload/process-layout/presets.ts";
import { readSmapsFile, readSmapsOfPid } from "../../src/workload/process-layout/smaps.ts";
import type { SmapsHost } from "../../src/workload/process-layout/smaps.ts";
import { lmbenchLayout, pagesLayout } from "../../src/workload/process-layout/synthetic.ts";

const PRESETS = new URL("../../src/workload/process-layout/presets/", import.meta.url);
const HELLO = readFileSync(new URL("hello.smaps", PRESETS), "utf8");
const FOLDER = mkdtempSync(join(tmpdir(), "racier-smaps-"));

afterAll(() => {
  rmSync(FOLDER, { recursive: true });
});

describe("a layout", () => {
  test("file pages and anonymous pages add up to the resident pages", () => {
    const file = { inode: 7, device: "08:01", name: "/a", residentPages: 5, anonymousPages: 2 };
    const layout = layoutOf(vma({ ...file }), vma({ start: 0x500000, end: 0x504000 }));

    const sum = { vmas: 2, residentPages: 5, anonymousPages: 2, filePages: 3, virtualPages: 20 };
    expect(summarise(layout)).toEqual(sum);
  });

  test("the first pages of a mapping are resident, and the first of them written", () => {
    const mapping = vma({ residentPages: 5, anonymousPages: 2 });

    expect(residentRange(mapping)).toEqual({ start: 0x400000, end: 0x405000 });
    expect(writtenRange(mapping)).toEqual({ start: 0x400000, end: 0x402000 });
  });

  test("the last pages of a stack are resident, and the last of them written", () => {
    const mapping = vma({ growsDown: true, residentPages: 5, anonymousPages: 2 });

    expect(residentRange(mapping)).toEqual({ start: 0x40b000, end: 0x410000 });
    expect(writtenRange(mapping)).toEqual({ start: 0x40e000, end: 0x410000 });
  });

  test("of a shared mapping the dirty pages are written, unless it is read-only", () => {
    const mapping = vma({ shared: true, residentPages: 5, dirtyPages: 3 });

    expect(writtenRange(mapping)).toEqual({ start: 0x400000, end: 0x403000 });
    expect(writtenRange({ ...mapping, write: false })).toEqual({ start: 0x400000, end: 0x400000 });
  });

  test("neighbours that touch are sound", () => {
    const layout = layoutOf(vma({ end: 0x402000 }), vma({ start: 0x402000, end: 0x403000 }));

    expect(() => {
      validateLayout(layout);
    }).not.toThrow();
  });

  test.each<[string, Partial<VmaLayout>]>([
    ["is not page aligned", { start: 0x400800 }],
    ["is not page aligned", { end: 0x400801 }],
    ["is empty or backwards", { end: 0x400000 }],
    ["is empty or backwards", { start: -4096 }],
    ["is empty or backwards", { start: NaN }],
    ["ends beyond 2^47", { end: 2 ** 47 + 4096 }],
    ["ends beyond 2^47", { end: NaN }],
    ["has 17 resident pages, more than the 16 pages that it has", { residentPages: 17 }],
    ["has 1 anonymous pages, more than the 0 that are resident", { anonymousPages: 1 }],
    ["has 1 dirty pages, more than the 0 that are resident", { dirtyPages: 1 }],
    ["has 1 shared pages, more than the 0 that are resident", { sharedPages: 1 }],
    ["has 17 swapped pages, more than the 16 pages that it has", { swapPages: 17 }],
    ["has 1.5 resident pages: a count is an integer", { residentPages: 1.5 }],
    ["has -1 swapped pages: a count is an integer", { swapPages: -1 }],
    ["has file offset 5", { fileOffset: 5 }],
    ["has inode -1", { inode: -1 }],
    [
      "has 1 anonymous pages, more than the 0 a shared mapping can have",
      { shared: true, residentPages: 1, anonymousPages: 1 },
    ],
  ])("a mapping that %s is refused: %j", (problem, change) => {
    const message = refusal(() => {
      validateLayout(layoutOf(vma(change)));
    });

    expect(message).toContain("a test is not the layout of a process: mapping ");
    expect(message).toContain(problem);
  });

  test("mappings that overlap or come in another order are refused", () => {
    const low = vma({ end: 0x402000 });
    const high = vma({ start: 0x401000, end: 0x403000 });
    const far = vma({ start: 0x500000, end: 0x501000 });
    const check = (...vmas: VmaLayout[]): string =>
      refusal(() => {
        validateLayout(layoutOf(...vmas));
      });

    expect(check(low, high)).toContain("00401000-00403000 overlaps 00400000-00402000");
    expect(check(far, low)).toContain("mappings must be in ascending order");
  });

  test("no mapping, and more than 65,530, are refused", () => {
    const many = Array.from({ length: 65_531 }, (_, index) => {
      const start = 0x400000 + index * PAGE_SIZE;
      return vma({ start, end: start + PAGE_SIZE });
    });

    expect(() => {
      validateLayout(layoutOf(...many.slice(1)));
    }).not.toThrow();
    expect(
      refusal(() => {
        validateLayout(layoutOf(...many));
      }),
    ).toContain("at most 65530");
    expect(
      refusal(() => {
        validateLayout(layoutOf());
      }),
    ).toContain("it has no mapping");
  });
});

describe("presets", () => {
  test("each capture in the folder is a preset, and each preset a capture", () => {
    const files = readdirSync(PRESETS).map((file) => file.replace(/\.smaps$/, ""));

    expect(files.toSorted()).toEqual([...presetNames()].toSorted());
  });

  test.each(presetNames())(
    "%s is a sound layout with an executable, a heap and a stack",
    (name) => {
      const layout = loadPreset(name);

      validateLayout(layout);
      expect(layout).toMatchObject({ name, source: `preset ${name}` });
      expect(layout.vmas.map((mapping) => mapping.name)).toEqual(
        expect.arrayContaining(["[heap]", "[stack]"]),
      );
      expect(layout.vmas.some((mapping) => mapping.exec && mapping.inode > 0)).toBe(true);
      expect(layout.vmas.filter((mapping) => mapping.growsDown)).toHaveLength(1);
    },
  );

  test("they are listed from the smallest to the largest", () => {
    const sizes = presetNames().map((name) => summarise(loadPreset(name)).residentPages);

    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
  });

  test("large has 100,000 resident pages or more in several hundred mappings", () => {
    const sum = summarise(loadPreset("large"));

    expect(sum.residentPages).toBeGreaterThanOrEqual(100_000);
    expect(sum.anonymousPages).toBeGreaterThanOrEqual(100_000);
    expect(sum.vmas).toBeGreaterThan(300);
  });

  test.each(presetNames())("%s says in its first lines what was recorded, how and when", (name) => {
    const text = readFileSync(new URL(`${name}.smaps`, PRESETS), "utf8");

    expect(text).toMatch(
      /^# .+\n# Command: .+\n# Recorded: .+\n# Kernel: Linux .+20\d\d-\d\d-\d\d/,
    );
    expect(text).not.toMatch(/\/(home|root|work|Users)\//);
    expect(text.length).toBeLessThan(300_000);
  });

  test.each(presetNames())("%s has in docs/presets.md the numbers that it has", (name) => {
    const docs = readFileSync(new URL("../../docs/presets.md", import.meta.url), "utf8");
    const row = docs.split("\n").find((line) => line.startsWith(`| \`${name}\` `)) ?? "";
    const columns = row.split("|").map((column) => column.trim().replaceAll(",", ""));

    const sum = summarise(loadPreset(name));
    const numbers = [sum.vmas, sum.residentPages, sum.anonymousPages, sum.virtualPages];
    expect(columns.slice(2, 6).map(Number)).toEqual(numbers);
  });

  test.each([
    ["bahs", "did you mean bash? take one of hello, sh, bash, node, large"],
    ["larg", "did you mean large?"],
    ["Node", "did you mean node?"],
    ["firefox", 'unknown preset "firefox": take one of hello'],
    ["", 'unknown preset "": take one of hello'],
    ["../presets/bash", "take one of hello"],
    ["__proto__", "take one of hello"],
  ])("an unknown one is answered with those there are, and the nearest: %j", (name, answer) => {
    expect(refusal(() => loadPreset(name))).toContain(answer);
  });
});

describe("synthetic layouts", () => {
  test.each([1, 200, 16_384, 2 ** 34])(
    "%d pages are in one mapping, all of them written",
    (count) => {
      const layout = pagesLayout(count);

      validateLayout(layout);
      const memory = layout.vmas.filter((mapping) => mapping.inode === 0 && mapping.name === "");
      expect(memory).toHaveLength(1);
      expect(memory[0]).toMatchObject({ residentPages: count, anonymousPages: count, write: true });
      expect(summarise(layout)).toMatchObject({ vmas: 5, residentPages: count + 15 });
      expect(layout.source).toBe(count === 1 ? "1 page" : `${count} pages`);
    },
  );

  test.each([0, -1, 1.5, NaN, Infinity, 2 ** 34 + 1])("%d pages are refused", (count) => {
    expect(refusal(() => pagesLayout(count))).toContain(`${count} pages cannot be laid out: give`);
  });

  test("lmbench's process has 12 mappings and 200 resident pages", () => {
    const layout = lmbenchLayout();

    validateLayout(layout);
    const pages = { residentPages: 200, anonymousPages: 62, filePages: 138 };
    expect(summarise(layout)).toMatchObject({ vmas: 12, ...pages });
  });
});

describe("smaps of a file", () => {
  test("the layout is named after the file", () => {
    const path = join(FOLDER, "hello.smaps");
    writeFileSync(path, HELLO);

    const layout = readSmapsFile(path);

    expect(layout).toMatchObject({ source: `smaps ${path}`, name: "hello" });
    expect(layout.vmas).toEqual(loadPreset("hello").vmas);
  });

  test("an error names the file and the line, comments counted", () => {
    const path = join(FOLDER, "broken.smaps");
    writeFileSync(path, "# a comment\n# another\nnonsense\n");

    expect(refusal(() => readSmapsFile(path))).toContain(`smaps ${path}, line 3: this is not`);
  });

  test.each([
    ["absent", "does not exist: give"],
    ["broken.smaps/x", "is no directory: give"],
    ["", "is a directory: give"],
  ])("a path that leads nowhere is refused: %j", (name, problem) => {
    const path = join(FOLDER, name);

    expect(refusal(() => readSmapsFile(path))).toMatch(new RegExp(`^smaps ${path} .*${problem}`));
  });

  test.each([
    ["EACCES", "smaps /x may not be read: change its permissions, or run as its owner"],
    ["EPERM", "smaps /x may not be read: run as its owner"],
    ["EIO", "smaps /x cannot be read (EIO): give another one"],
  ])("%s becomes a sentence", (code, sentence) => {
    expect(refusal(() => readSmapsFile("/x", failing(code)))).toBe(sentence);
  });

  test("a file of more than 64 MiB is refused", () => {
    const path = join(FOLDER, "huge");
    writeFileSync(path, "");
    truncateSync(path, 64 * 2 ** 20 + 1);

    expect(refusal(() => readSmapsFile(path))).toContain(`${path} is larger than 64 MiB`);
  });
});

describe("smaps of a process", () => {
  const linux = process.platform === "linux";

  const PIECE = "00400000-00401000 r-xp 00000000 00:00 0 /bin/x\nSize: 4 kB\nRss: 4 kB\n";

  test("mappings that overlap because the process went on are read again", () => {
    const texts = [PIECE + PIECE, PIECE + PIECE, PIECE];
    const host = { platform: "linux", readText: () => texts.shift() ?? "" };

    expect(readSmapsOfPid(7, host).vmas).toHaveLength(1);
    expect(texts).toHaveLength(0);
  });

  test("a process that never holds still is refused", () => {
    const host = { platform: "linux", readText: () => PIECE + PIECE };

    expect(refusal(() => readSmapsOfPid(7, host))).toBe(
      "pid 7 changed its mappings each time while they were read: stop it with `kill -STOP` meanwhile",
    );
  });

  test.runIf(linux)("a number beyond all processes is refused", () => {
    expect(refusal(() => readSmapsOfPid(2 ** 30))).toBe(
      "pid 1073741824 does not exist: give the number of a running process, as `ps` shows it",
    );
  });

  test.each([0, -1, 1.5, NaN])("%d is no process", (pid) => {
    expect(refusal(() => readSmapsOfPid(pid))).toContain(`pid ${pid} is no process: give`);
  });

  test.each([
    ["ESRCH", "pid 7 ended while it was read: give the number of a running process"],
    ["EACCES", "pid 7 may not be read: run as the owner of the process, or as root"],
    ["EPERM", "pid 7 may not be read: run as the owner of the process, or as root"],
  ])("%s becomes a sentence", (code, sentence) => {
    expect(refusal(() => readSmapsOfPid(7, failing(code)))).toBe(sentence);
  });

  test("a kernel thread, whose smaps is empty, is called one", () => {
    const host = { platform: "linux", readText: () => "" };

    expect(refusal(() => readSmapsOfPid(2, host))).toContain("it is a kernel thread or has ended");
  });

  test("on another system than Linux the way out is a file or a preset", () => {
    const host = { platform: "darwin", readText: () => HELLO };

    const sentence = refusal(() => readSmapsOfPid(7, host));

    expect(sentence).toContain("pid 7 cannot be read on darwin: capture smaps on a Linux machine");
  });

  test("an error that is not about the file passes unchanged", () => {
    const error = new RangeError("of another kind");
    const readText = (): string => {
      throw error;
    };

    expect(() => readSmapsOfPid(7, { platform: "linux", readText })).toThrow(error);
  });
});

function layoutOf(...vmas: VmaLayout[]): ProcessLayout {
  return { source: "a test", name: "test", vmas };
}

/** 16 untouched anonymous pages at 4 MiB, with changes. */
function vma(change: Partial<VmaLayout>): VmaLayout {
  return {
    start: 0x400000,
    end: 0x410000,
    read: true,
    write: true,
    exec: false,
    shared: false,
    growsDown: false,
    name: "",
    inode: 0,
    device: "00:00",
    fileOffset: 0,
    residentPages: 0,
    anonymousPages: 0,
    dirtyPages: 0,
    sharedPages: 0,
    swapPages: 0,
    ...change,
  };
}

/** A computer on which every file answers with an error of node:fs. */
function failing(code: string): SmapsHost {
  return {
    platform: "linux",
    readText: () => {
      throw Object.assign(new Error(`${code}: made for a test`), { code });
    },
  };
}

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error("it was not refused");
}
