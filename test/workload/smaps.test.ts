// The reader of /proc/PID/smaps: what it makes of sound captures, old and new, and the sentence that
// it has for each broken one. Broken ones are real captures, broken here, or single mappings.

import { readFileSync } from "node:fs";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ConfigError } from "../../src/kernel/error.ts";
import { PAGE_SIZE } from "../../src/layout/units.ts";
import { validateLayout } from "../../src/workload/process-layout/layout.ts";
import type { VmaLayout } from "../../src/workload/process-layout/layout.ts";
import { parseSmaps } from "../../src/workload/process-layout/smaps.ts";

const HELLO = capture("hello");
const BASH = capture("bash");
/** Each message says what to do. */
const WAY_OUT = /capture it again|choose a smaller one|take another process/;

describe("smaps of a current kernel", () => {
  test("every column of a file mapping arrives in the layout", () => {
    const [first] = parseSmaps(HELLO, "smaps hello").vmas;

    expect(first).toEqual({
      start: parseInt(/^[0-9a-f]+/m.exec(withoutComments(HELLO))?.[0] ?? "", 16),
      end: (first?.start ?? 0) + PAGE_SIZE,
      read: true,
      write: false,
      exec: false,
      shared: false,
      growsDown: false,
      name: "/tmp/hello",
      inode: expect.any(Number) as number,
      device: "fe:00",
      fileOffset: 0,
      residentPages: 1,
      anonymousPages: 0,
      dirtyPages: 0,
      sharedPages: 0,
      swapPages: 0,
    });
  });

  test("a process is named after its executable, and carries the source it was given", () => {
    const layout = parseSmaps(BASH, "smaps bash.txt");

    expect(layout).toMatchObject({ name: "bash", source: "smaps bash.txt" });
  });

  test("an executable that was replaced while it ran keeps its name", () => {
    const text = "00400000-00401000 r-xp 00000000 08:01 7   /usr/bin/old (deleted)\nRss: 4 kB\n";

    expect(parseSmaps(text, "smaps x").name).toBe("old");
  });

  test("the kernel's half of the address space is no part of the layout, the vdso is", () => {
    const names = parseSmaps(BASH, "smaps bash").vmas.map((vma) => vma.name);

    expect(BASH).toContain("[vsyscall]");
    expect(names).not.toContain("[vsyscall]");
    expect(names).toEqual(expect.arrayContaining(["[vdso]", "[vvar]", "[heap]", "[stack]"]));
  });

  test("the vdso has no more resident pages than its size, whatever Rss says", () => {
    const text = HELLO.replace(/(\[vdso\]\n(?:.*\n)*?Rss:\s+)4 kB/, "$144 kB");

    const vdso = named(text, "[vdso]");

    expect(vdso).toMatchObject({ residentPages: 2, anonymousPages: 0, inode: 0 });
  });

  test("the stack grows down because its flags say so, not because of its name", () => {
    expect(named(HELLO, "[stack]").growsDown).toBe(true);
    expect(named(HELLO.replace(" gd", ""), "[stack]").growsDown).toBe(false);
  });

  test("a shared mapping has no anonymous pages; dirty and shared pages are counted", () => {
    const text = mapping(
      "7f0000000000-7f0000004000 rw-s 00001000 00:01 9    /dev/shm/x",
      "Size: 16 kB",
      "Rss: 12 kB",
      "Shared_Clean: 4 kB",
      "Shared_Dirty: 4 kB",
      "Private_Dirty: 4 kB",
      "Anonymous: 12 kB",
      "Swap: 4 kB",
    );

    const counts = { anonymousPages: 0, dirtyPages: 2, sharedPages: 2, swapPages: 1 };
    expect(named(text, "/dev/shm/x")).toMatchObject({ shared: true, fileOffset: 4096, ...counts });
  });

  test("Windows line ends, blank lines and fields of future kernels do no harm", () => {
    const text = HELLO.replaceAll("KSM:", "Quantum:").replaceAll("\n", "\r\n") + "\r\n\r\n";

    expect(parseSmaps(text, "s")).toEqual(parseSmaps(HELLO, "s"));
  });

  test("names with spaces, colons and other scripts stay as they are", () => {
    const name = "/opt/my app/Rss: 4 kB/日本\u2028語 (deleted)";
    const text = mapping(`00400000-00401000 r--p 00000000 08:01 7      ${name}`, "Rss: 4 kB");

    expect(named(text, name).residentPages).toBe(1);
  });

  test("two inodes above 2^53 that differ in the last digit stay two inodes", () => {
    const inodes = ["18446744073709551614", "18446744073709551615"].map((inode) => {
      const text = mapping(`00400000-00401000 r--p 00000000 08:01 ${inode} /a`, "Rss: 4 kB");
      return named(text, "/a").inode;
    });

    expect(inodes[0]).not.toBe(inodes[1]);
    expect(inodes.every((inode) => Number.isSafeInteger(inode) && inode > 0)).toBe(true);
  });
});

describe("smaps of old kernels", () => {
  const LINUX_2_6_14 = mapping(
    "00400000-00404000 r-xp 00000000 08:01 7      /bin/old",
    ...sizes(16, 12, { Shared_Clean: 12 }),
    "00504000-00506000 rw-p 00004000 08:01 7      /bin/old",
    ...sizes(8, 8, { Private_Clean: 4, Private_Dirty: 4 }),
    "00506000-00516000 rw-p 00506000 00:00 0 ",
    ...sizes(64, 20, { Private_Clean: 4, Private_Dirty: 16 }),
    "2aaaaaaab000-2aaaaaaad000 rw-s 00000000 00:04 0      /SYSV00000000 (deleted)",
    ...sizes(8, 8, { Shared_Dirty: 8 }),
    "7fffff000000-7fffff015000 rw-p 7fffff000000 00:00 0      [stack]",
    ...sizes(84, 8, { Private_Dirty: 8 }),
    "ffffffffff600000-ffffffffffe00000 ---p 00000000 00:00 0      [vdso]",
    ...sizes(8192, 0, {}),
  );

  test("2.6.14: anonymous pages are estimated from the kind of mapping", () => {
    const { vmas } = parseSmaps(LINUX_2_6_14, "s");

    expect(vmas.map((vma) => vma.anonymousPages)).toEqual([0, 1, 5, 0, 2]);
  });

  test("2.6.14: the mapping called [stack] grows down, its address is no file offset", () => {
    const stack = named(LINUX_2_6_14, "[stack]");

    expect(stack).toMatchObject({ growsDown: true, fileOffset: 0, swapPages: 0 });
  });

  test("2.6.36 to 4.11: a stack whose Size counts the guard page is accepted", () => {
    const text = LINUX_2_6_14.replace("Size: 84 kB", "Size: 88 kB");

    expect(named(text, "[stack]").end).toBe(0x7fffff015000);
  });
});

describe("a broken capture is refused with source, line and way out", () => {
  const text = withoutComments(HELLO);
  const mappings = text.split(/^(?=[0-9a-f]+-)/m);
  const headers = mappings.map((mapping) => mapping.slice(0, mapping.indexOf("\n") + 1));
  const [first = "", second = "", ...others] = mappings;
  const lineOfSecond = lineCount(first) + 1;

  test.each([
    ["empty", "", 1, "the capture is empty"],
    ["blank", "\n \n\n", 1, "the capture is empty"],
    ["comments only", "# one\n# two\n", 2, "the capture has comments only"],
    ["of another format", "Name:\tbash\n", 1, 'this is not /proc/PID/smaps: it starts with "Name:'],
    ["maps", headers.join(""), 1, "this is /proc/PID/maps, not smaps"],
    [
      "smaps_rollup",
      "00400000-7fff00000000 ---p 00000000 00:00 0      [rollup]\nRss: 4 kB\n",
      1,
      "this is /proc/PID/smaps_rollup, not smaps",
    ],
    ["only the end", text.slice(text.indexOf("Rss:")), 1, "starts in the middle of a mapping"],
    ["binary", "\x7fELF\x02\x01\x01\n", 1, "this is binary data"],
    ["binary after a while", text.replace("kB\nRss", "kB\n\0Rss"), 5, "this is binary data"],
    ["spoilt by a control character", text.replace("Rss:", "\x1bRss:"), 5, "this is binary data"],
    ["not UTF-8", text.replace("Rss:", "\u{fffd}ss:"), 5, "this is binary data"],
    ["mixed with another text", text.replace("Rss:", "hello\nRss:"), 5, '"hello" is neither a'],
    ["without a number", text.replace(/Rss: +4 kB/, "Rss: four"), 5, '"Rss: four" is neither a'],
    ["with unknown flags", text.replace("VmFlags: rd", "VmFlags: read"), 26, "is neither a"],
  ])("it is %s", (_, broken, line, problem) => {
    expectRefusal(broken, line, problem);
  });

  test("it ends after a header", () => {
    const broken = [...mappings.slice(0, -1), headers.at(-1)].join("");

    expectRefusal(broken, lineCount(broken), "the capture is cut short: its last mapping, fffff");
    expectRefusal(broken, lineCount(broken), "has no Rss line");
    expectRefusal(headers[0] ?? "", 1, "has no Rss line");
  });

  test("it ends between the fields of a mapping, even after Rss", () => {
    const broken = first + second.slice(0, second.indexOf("Shared_Dirty:"));

    expectRefusal(broken, lineOfSecond, "the capture is cut short");
    expectRefusal(broken, lineOfSecond, "has no Shared_Dirty line");
  });

  test.each(["Rss:", "Rss:     ", "Priv", "Private_Clean:    1", "VmFlags: rd w", "7ffd-7"])(
    "it ends within a line: %j",
    (rest) => {
      const broken = `${first}${headers[1] ?? ""}${rest}`;

      expectRefusal(
        broken,
        lineOfSecond + 1,
        `the last line is cut short: ${JSON.stringify(rest)}`,
      );
    },
  );

  test("a line in the middle is missing", () => {
    const field = [first, second.replace(/^Rss:.*\n/m, ""), ...others].join("");
    const header = [first, second.replace(/^.*\n/, ""), ...others].join("");

    expectRefusal(field, lineOfSecond, "lines are missing: mapping");
    expectRefusal(header, lineOfSecond, "Size is given twice in one mapping");
  });

  test("ranges overlap or come in another order", () => {
    const low = mapping("00400000-00402000 r--p 00000000 00:00 0 ", "Rss: 0 kB");
    const high = mapping("00401000-00403000 r--p 00000000 00:00 0 ", "Rss: 0 kB");
    const far = mapping("00500000-00501000 r--p 00000000 00:00 0 ", "Rss: 0 kB");

    expectRefusal(low + high, 3, "mapping 00401000-00403000 overlaps 00400000-00402000");
    expectRefusal(far + low, 3, "comes after 00500000-00501000, which is higher");
    expectRefusal([second, first, ...others].join(""), lineCount(second) + 1, "ascending order");
    expectRefusal(text + text, lineCount(text) + 1, "ascending order");
  });

  test.each([
    ["7ffffffff000-800000001000", "ends beyond 2^47"],
    ["ffff880000000000-ffff880000001000", "ends beyond 2^47"],
    ["00400000-00400800", "is not page aligned"],
    ["00400800-00401000", "is not page aligned"],
    ["00402000-00401000", "is empty or backwards"],
    ["00401000-00401000", "is empty or backwards"],
  ])("a range is %s", (range, problem) => {
    const broken = mapping(`${range} rw-p 00000000 00:00 0 `, "Size: 4 kB", "Rss: 0 kB");

    expectRefusal(broken, 1, `mapping ${range} ${problem}`);
  });

  test.each([
    ["Size: 12 kB", "Rss: 4 kB", "has Size 12 kB, but its range is 8 kB long"],
    ["Size: 8 kB", "Rss: 12 kB", "has 3 resident pages, more than the 2 pages that it has"],
    ["Size: 8 kB", "Rss: 5 kB", "has Rss 5 kB, which is not a number of pages"],
    ["Rss: 4 kB", "Anonymous: 8 kB", "has 2 anonymous pages, more than the 1 that are resident"],
    ["Rss: 4 kB", "Private_Dirty: 8 kB", "has 2 dirty pages, more than the 1 that are resident"],
    ["Rss: 4 kB", "Shared_Clean: 8 kB", "has 2 shared pages, more than the 1 that are resident"],
    ["Rss: 4 kB", "Swap: 12 kB", "has 3 swapped pages, more than the 2 pages that it has"],
  ])("its fields contradict each other: %s, %s", (one, other, problem) => {
    const broken = mapping("00400000-00402000 rw-p 00000000 08:01 7 /a", one, other);

    expectRefusal(broken, 1, problem);
  });

  test("in a real capture, Rss is greater than Size", () => {
    const broken = [first, second.replace(/(Rss: +)\d+/, "$19996"), ...others].join("");

    expectRefusal(broken, lineOfSecond, "has 2499 resident pages, more than the 1 pages");
  });

  test("a file offset is not page aligned", () => {
    const broken = mapping("00400000-00402000 rw-p 00000123 08:01 7 /a", "Rss: 0 kB");

    expectRefusal(broken, 1, "has file offset 291");
  });

  test("nothing is there but the kernel's half", () => {
    expectRefusal(mappings[mappings.length - 1] ?? "", 1, "no mapping is below 2^47");
  });

  test("it has more mappings than a process can have", () => {
    const broken = Array.from({ length: 65_531 }, (_, index) => {
      const start = 0x1000000 + index * 8192;
      const range = `${start.toString(16)}-${(start + 4096).toString(16)}`;
      return mapping(`${range} rw-p 00000000 00:00 0 `, "Rss: 0 kB");
    }).join("");

    expectRefusal(broken, 131_061, "it has 65531 mappings; a process has at most 65530");
  });
});

describe("properties of the reader", () => {
  test("a layout printed as smaps and read again is the same layout", () => {
    fc.assert(
      fc.property(arbitraryVmas(), (vmas) => {
        const layout = parseSmaps(vmas.map(printed).join(""), "smaps printed");

        validateLayout(layout);
        expect(layout.vmas).toEqual(vmas);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  test("without Anonymous and VmFlags, the estimate is a sound layout of the same pages", () => {
    fc.assert(
      fc.property(arbitraryVmas(), (vmas) => {
        const text = vmas
          .map(printed)
          .join("")
          .replaceAll(/^(Anonymous|VmFlags):.*\n/gm, "");

        const layout = parseSmaps(text, "smaps old");

        validateLayout(layout);
        expect(layout.vmas.map((vma) => vma.residentPages)).toEqual(
          vmas.map((vma) => vma.residentPages),
        );
      }),
      { numRuns: 100, seed: 2 },
    );
  });

  test("a capture that is cut anywhere is refused, or is whole mappings from its start", () => {
    const text = withoutComments(BASH);
    const whole = parseSmaps(text, "s").vmas;

    fc.assert(
      fc.property(fc.nat(text.length), (length) => {
        const vmas = parsedOrRefused(text.slice(0, length));

        // Of the last mapping, the cut may have taken the flag `gd`.
        const known = (vma: VmaLayout): VmaLayout => ({ ...vma, growsDown: false });
        expect(vmas.map(known)).toEqual(whole.slice(0, vmas.length).map(known));
      }),
      { numRuns: 300, seed: 3 },
    );
  });

  test("a capture with any byte changed is refused by sentence or read, never anything else", () => {
    const text = withoutComments(HELLO);

    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.string({ maxLength: 3, unit: "binary" }),
        (at, junk) => {
          const vmas = parsedOrRefused(text.slice(0, at) + junk + text.slice(at + 1));

          if (vmas.length > 0) validateLayout({ source: "s", name: "s", vmas });
        },
      ),
      { numRuns: 500, seed: 4 },
    );
  });
});

function capture(name: string): string {
  const folder = new URL("../../src/workload/process-layout/presets/", import.meta.url);
  return readFileSync(new URL(`${name}.smaps`, folder), "utf8");
}

function withoutComments(text: string): string {
  return text.replaceAll(/^#.*\n/gm, "");
}

/** The text of one mapping, or of several. */
function mapping(...lines: string[]): string {
  return `${lines.join("\n")}\n`;
}

/** The fields that Linux 2.6.14 prints. */
function sizes(size: number, rss: number, parts: Readonly<Record<string, number>>): string[] {
  const fields = { Size: size, Rss: rss, Shared_Clean: 0, Shared_Dirty: 0, Private_Clean: 0 };
  const all = Object.entries({ ...fields, Private_Dirty: 0, ...parts });
  return all.map(([field, kilobytes]) => `${field}: ${kilobytes} kB`);
}

function lineCount(text: string): number {
  return text.split("\n").length - 1;
}

function named(text: string, name: string): VmaLayout {
  const found = parseSmaps(text, "s").vmas.find((vma) => vma.name === name);
  if (found === undefined) throw new Error(`no mapping is named ${name}`);
  return found;
}

function expectRefusal(text: string, line: number, problem: string): void {
  const message = refusal(() => parseSmaps(text, "smaps FILE"));
  expect(message).toContain(`smaps FILE, line ${line}: `);
  expect(message).toContain(problem);
  expect(message).toMatch(WAY_OUT);
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

/** The mappings of a text; none if it was refused in the form of a ConfigError. */
function parsedOrRefused(text: string): readonly VmaLayout[] {
  try {
    return parseSmaps(text, "s").vmas;
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return [];
  }
}

/** Sound mappings in ascending order. */
function arbitraryVmas(): fc.Arbitrary<VmaLayout[]> {
  return fc.array(arbitraryVma(), { minLength: 1, maxLength: 12 }).map((vmas) => {
    let next = 0;
    return vmas.map((vma) => {
      const start = next + vma.start;
      next = start + vma.end;
      return { ...vma, start, end: next };
    });
  });
}

/** A mapping whose start is the gap before it, and whose end is its length. */
function arbitraryVma(): fc.Arbitrary<VmaLayout> {
  const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
  const file = fc.record({
    name: fc.stringMatching(/^\/[!-~][ -~]*$/),
    inode: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    device: fc.constantFrom("fe:00", "08:11", "103:0a"),
    fileOffset: upTo(2 ** 30).map((page) => page * PAGE_SIZE),
  });
  const nothing = { inode: 0, device: "00:00", fileOffset: 0 };
  const memory = fc.constantFrom("", "[heap]", "[stack]", "[anon:pool]").map((name) => ({
    name,
    ...nothing,
  }));
  const rights = { read: fc.boolean(), write: fc.boolean(), exec: fc.boolean() };
  return fc
    .tuple(upTo(2 ** 30), fc.integer({ min: 1, max: 2 ** 20 }), upTo(100), upTo(100))
    .chain(([gap, size, percent, part]) => {
      const residentPages = Math.floor((size * percent) / 100);
      const some = Math.floor((residentPages * part) / 100);
      return fc
        .record({
          ...rights,
          shared: fc.boolean(),
          growsDown: fc.boolean(),
          backing: fc.oneof(file, memory),
        })
        .map(({ backing, ...flags }) => ({
          start: gap * PAGE_SIZE,
          end: size * PAGE_SIZE,
          ...flags,
          ...backing,
          residentPages,
          anonymousPages: flags.shared ? 0 : some,
          dirtyPages: some,
          sharedPages: residentPages - some,
          swapPages: size - residentPages,
        }));
    });
}

/** A mapping as Linux 6 prints it, without the fields that nobody reads. */
function printed(vma: VmaLayout): string {
  const hex = (value: number): string => value.toString(16).padStart(8, "0");
  const right = (has: boolean, letter: string): string => (has ? letter : "-");
  const rights = right(vma.read, "r") + right(vma.write, "w") + right(vma.exec, "x");
  const place = `${hex(vma.fileOffset)} ${vma.device} ${vma.inode} `;
  const header = `${hex(vma.start)}-${hex(vma.end)} ${rights}${vma.shared ? "s" : "p"} ${place}`;
  const kilobytes = {
    Size: (vma.end - vma.start) / 1024,
    Rss: vma.residentPages * 4,
    Shared_Clean: vma.sharedPages * 4,
    Private_Dirty: vma.dirtyPages * 4,
    Anonymous: vma.anonymousPages * 4,
    Swap: vma.swapPages * 4,
  };
  const fields = Object.entries(kilobytes).map(([field, size]) => `${field}: ${size} kB`);
  const flags = `VmFlags: mr ${vma.shared ? "sh " : ""}${vma.growsDown ? "gd " : ""}`;
  return mapping(header.padEnd(73) + vma.name, ...fields, flags);
}
