// /proc of a machine in Linux's own lines, against what the machine is known to have done.

import { expect, test } from "vitest";
import type { MemoryViews } from "../../src/layout/view.ts";
import { procPages, procText } from "../../src/machine/proc/proc.ts";
import { readEvents, readMeminfo, type Counters } from "../../src/machine/proc/text.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";

const PAGE = 4096;

/** meminfo, events and buddyinfo as numbers. */
const countersOf = (cpu: MemoryViews): ((name: string) => number) => {
  const frames = buddyFrames(procText(cpu, "buddyinfo"));
  const all: Counters = { ...readMeminfo(cpu), ...readEvents(cpu), frames };
  return (name) => all[name] ?? NaN;
};

/** The number behind a name in a file. */
const numberOf = (text: string, name: string): number => {
  const found = new RegExp(`^${name}:? +(\\d+)`, "m").exec(text);
  if (found === null) throw new Error(`there is no ${name} in\n${text}`);
  return Number(found[1]);
};

/** Active objects and slabs of a cache. */
const slabOf = (text: string, cache: string): number[] => {
  const line = text.split("\n").find((each) => each.startsWith(`${cache} `)) ?? "";
  const [, active = "", , , , , , , , , , , , slabs = ""] = line.split(/ +/);
  return [Number(active), Number(slabs)];
};

/** Frames in free blocks. */
const buddyFrames = (text: string): number => {
  const blocks = /zone +Normal +(.*)/.exec(text)?.[1]?.trim().split(/ +/) ?? [];
  return blocks.reduce((sum, count, order) => sum + Number(count) * 2 ** order, 0);
};

test.each(KERNEL_NAMES)("%s: N pages that are touched are N pages everywhere", (kernel) => {
  const machine = new DirectMachine({ kernel });
  const { cpu } = machine;
  const settle = (): void => {
    cpu.k.lru_add_drain();
    cpu.k.drain_local_pages();
  };
  machine.run((task) => {
    const start = task.mmap({ length: 100 * PAGE, read: true, write: true });
    task.store32(start, 1);
    settle();
    const before = countersOf(cpu);
    for (let page = 1; page <= 33; page++) task.store32(start + page * PAGE, page);
    settle();
    const after = countersOf(cpu);
    const change = (name: string): number => after(name) - before(name);

    expect(["MemFree", "Mapped", "Active"].map(change)).toEqual([-33 * 4, 33 * 4, 33 * 4]);
    expect(["pgfault", "frames", "Cached"].map(change)).toEqual([33, -33, 0]);
    expect(after("frames") * 4).toBe(after("MemFree"));
    const text = procText(cpu, "meminfo");
    expect(numberOf(text, "MemFree")).toBe(after("MemFree"));
    expect(text).toMatch(/^MemTotal: {8}\d{5} kB$/m);
    expect(numberOf(procText(cpu, "vmstat"), "pgfault")).toBe(after("pgfault"));
  });
});

test.each(KERNEL_NAMES)("%s: slabs, page tables, page cache and swap are counted", (kernel) => {
  const machine = new DirectMachine({ kernel, disk: "1M" });
  const { cpu } = machine;
  machine.run((task) => {
    const before = countersOf(cpu);
    const [vmas = 0] = slabOf(procText(cpu, "slabinfo"), "vm_area");
    const file = task.createFile({ seed: 1, sizeBytes: 8 * PAGE });
    for (let i = 0; i < 5; i++) {
      // Far apart: each has a page of PTEs, and none is merged with the one before.
      const hint = 2 ** 40 + i * 2 ** 21;
      task.mmap({ length: PAGE, hint, fixed: true, read: true, write: true });
      task.store32(hint, i + 1);
    }
    const mapped = task.mmap({ length: 8 * PAGE, read: true, write: true, shared: true, file });
    for (let page = 0; page < 8; page++) task.load32(mapped + page * PAGE);
    const after = countersOf(cpu);
    expect(slabOf(procText(cpu, "slabinfo"), "vm_area")[0]).toBeGreaterThanOrEqual(vmas + 6);
    expect(after("PageTables") - before("PageTables")).toBeGreaterThanOrEqual(5 * 4);
    expect(after("Cached") - before("Cached")).toBe(8 * 4);

    const area = task.swapon({ length: 64 * PAGE });
    expect(readMeminfo(cpu)).toMatchObject({ SwapTotal: 64 * 4, SwapFree: 64 * 4, SwapCached: 0 });
    cpu.k.lru_add_drain();
    const page = cpu.k.follow_page(2 ** 40);
    cpu.k.page_referenced(page, 0);
    expect(cpu.k.shrink_page(page)).toBe(1);
    expect(countersOf(cpu)("SwapFree")).toBe(63 * 4);
    expect(numberOf(procText(cpu, "vmstat"), "pswpout")).toBe(1);
    expect(task.load32(2 ** 40)).toBe(1);
    expect(countersOf(cpu)("SwapCached")).toBe(4);
    task.swapoff(area);
  });
});

test("smaps: what is shared, private, dirty and on swap of each VMA", () => {
  const machine = new DirectMachine({ disk: "1M" });
  const { cpu } = machine;
  machine.program("child", (child) => {
    child.store32(2 ** 40, 7);
    const [first = ""] = child.proc("smaps").split(/(?=^[\da-f]+-)/m);
    // Of the 6 pages one is on swap, one was copied, and four are the parent's too.
    expect(numberOf(first, "Shared_Dirty") + numberOf(first, "Shared_Clean")).toBe(4 * 4);
    expect(numberOf(first, "Private_Dirty")).toBe(4);
  });
  machine.run((task) => {
    const area = task.swapon({ length: 64 * PAGE });
    task.mmap({ length: 10 * PAGE, hint: 2 ** 40, fixed: true, read: true, write: true });
    task.mmap({ length: 3 * PAGE, hint: 2 ** 41, fixed: true, read: true });
    for (let page = 0; page < 6; page++) task.store32(2 ** 40 + page * PAGE, page + 1);
    cpu.k.lru_add_drain();
    const page = cpu.k.follow_page(2 ** 40 + 5 * PAGE);
    cpu.k.page_referenced(page, 0);
    expect(cpu.k.shrink_page(page)).toBe(1);

    const [first = "", second = "", ...more] = task.proc("smaps").split(/(?=^[\da-f]+-)/m);
    expect(more).toEqual([]);
    expect(first).toMatch(/^10000000000-1000000a000 rw-p 00000000 00:00 0\nSize: {17}40 kB\n/);
    expect(numberOf(first, "Rss")).toBe(5 * 4);
    expect(numberOf(first, "Private_Dirty")).toBe(5 * 4);
    expect(numberOf(first, "Shared_Dirty")).toBe(0);
    expect(numberOf(first, "Swap")).toBe(4);
    expect(second).toMatch(/^20000000000-20000003000 r--p /);
    expect(numberOf(second, "Rss")).toBe(0);
    task.fork("child");
    expect(task.wait().status).toBe(0);
    task.swapoff(area);
  });
  expect(machine.stray).toEqual([]);
});

test("all files, each under its name", () => {
  const { cpu } = new DirectMachine({});
  const heads = procPages(cpu).match(/^\/proc\/.*$/gm);
  expect(heads).toEqual(["/proc/meminfo", "/proc/vmstat", "/proc/buddyinfo", "/proc/slabinfo"]);
  expect(procText(cpu, "slabinfo")).toMatch(/^slabinfo - version: 2\.0\n# name /);
});
