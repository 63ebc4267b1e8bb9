// Swap: a page goes to the disk and comes back, whoever shares it, and slots are counted. After each step every rule
// of the machine at rest is asked.

import { describe, expect, test } from "vitest";
import {
  ATTENTION_KSWAPD,
  BOOT_PARAMS,
  BootParams,
  DISK,
  Disk,
  PG_dirty,
  PG_swapcache,
  PERCPU_RECLAIM,
  PG_writeback,
  Page,
  PerCpu,
  ReclaimState,
  SWAPOFF_ANON_VMA,
  SWAPOFF_SCAN,
  SWAP_INFO,
  SWAP_INFO_STRIDE,
  SWAP_LIST,
  SwapInfo,
  SwapList,
  Task,
  ZONE_NORMAL,
  ZONE_STRIDE,
  ZONE_TABLE,
  Zone,
  _PAGE_PRESENT,
} from "../../src/layout/structs.gen.ts";
import { getI32, getU32, setI32 } from "../../src/layout/view.ts";
import { checkInvariants } from "../../src/machine/invariants/check.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { mmOfTask, pageAt, readPte } from "../support/inspect.ts";
import { PAGE, RW, anonymous, errnoOf, inChild, signalOf } from "../support/process.ts";

const DISK_SIZE = "16M";

/** CPU 1 is idle; it is there so that unmapping collects pages, and frees them after the flush. */
const swapMachine = (kernel: string): DirectMachine =>
  new DirectMachine({ kernel, disk: DISK_SIZE, cpus: 2 });

/** Reclaims the page at an address by hand, as often as it takes to see that nobody uses it. */
function evict(task: ProgramTask, address: number): boolean {
  const { k } = task.cpu;
  for (let i = 0; i < 3; i++) {
    const page = k.follow_page(address);
    if (page === 0 || k.shrink_page(page) !== 0) return true;
  }
  return false;
}

const isPresent = (task: ProgramTask, address: number): boolean =>
  ((readPte(task.cpu, mmOfTask(task.cpu, task.address), address)?.bits ?? 0) & _PAGE_PRESENT) !== 0;

/** Slots in use. */
const slots = (task: ProgramTask, area = 0): number =>
  getU32(task.cpu, SWAP_INFO + area * SWAP_INFO_STRIDE + SwapInfo.inuse_pages);

function rules(task: ProgramTask): void {
  expect(checkInvariants(task.cpu).map(({ text }) => text)).toEqual([]);
}

describe.each(KERNEL_NAMES)("%s: swap", (kernel) => {
  test("brings a page back as it was, and its slot is free when it is written to", () => {
    const machine = swapMachine(kernel);
    machine.run((task) => {
      const area = task.swapon({ length: 1 << 20 });
      const start = anonymous(task, 4);
      for (let page = 0; page < 4; page++) task.store32(start + page * PAGE + 8, 100 + page);
      rules(task);
      for (let page = 0; page < 4; page++) expect(evict(task, start + page * PAGE)).toBe(true);
      expect(isPresent(task, start)).toBe(false);
      expect(slots(task)).toBe(4);
      rules(task);

      expect(task.load32(start + 8)).toBe(100);
      expect(task.load32(start + PAGE + 8)).toBe(101);
      // A page in a pagevec has a reference more, and would be copied.
      task.cpu.k.lru_add_drain();
      task.store32(start + PAGE + 8, 7);
      rules(task);
      // Out again: what was only read is clean and needs no new slot, what was written is kept.
      expect(evict(task, start)).toBe(true);
      expect(evict(task, start + PAGE)).toBe(true);
      expect(task.load32(start + 8)).toBe(100);
      expect(task.load32(start + PAGE + 8)).toBe(7);
      expect(task.load32(start + 3 * PAGE + 8)).toBe(103);
      rules(task);
      task.munmap(start, 4 * PAGE);
      expect(slots(task)).toBe(0);
      task.swapoff(area);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("a page shared by fork is swapped once, and each gets what it wrote", () => {
    const machine = swapMachine(kernel);
    machine.run((task) => {
      const area = task.swapon({ length: 1 << 20 });
      const start = anonymous(task, 3);
      task.touch(start, 3 * PAGE);
      task.store32(start, 11);
      expect(evict(task, start + 2 * PAGE)).toBe(true);
      inChild(machine, task, (child) => {
        expect(slots(child)).toBe(1);
        expect(evict(child, start)).toBe(true);
        expect(slots(child)).toBe(2);
        rules(child);
        inChild(machine, child, (grandchild) => {
          rules(grandchild);
          expect(grandchild.load32(start)).toBe(11);
          grandchild.store32(start, 33);
          rules(grandchild);
        });
        expect(child.load32(start)).toBe(11);
        child.store32(start, 22);
        rules(child);
        child.mremap(start + 2 * PAGE, PAGE, PAGE, { fixedAt: start + 64 * PAGE });
        child.mprotect(start + 64 * PAGE, PAGE, { read: true });
        rules(child);
        expect(child.load32(start + 64 * PAGE)).toBe(task.load32(start + 2 * PAGE));
      });
      expect(task.load32(start)).toBe(11);
      task.store32(start, 12);
      rules(task);
      task.munmap(start, 3 * PAGE);
      expect(slots(task)).toBe(0);
      task.swapoff(area);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test.each([SWAPOFF_SCAN, SWAPOFF_ANON_VMA])("swapoff puts everything back (way %i)", (way) => {
    const machine = swapMachine(kernel);
    setI32(machine.cpu, BOOT_PARAMS + BootParams.swapoff, way);
    machine.run((task) => {
      const low = task.swapon({ length: 8 * PAGE, priority: 1 });
      const high = task.swapon({ length: 4 * PAGE, priority: 2 });
      const start = anonymous(task, 8);
      for (let page = 0; page < 8; page++) task.store32(start + page * PAGE, 50 + page);
      inChild(machine, task, (child) => {
        child.store32(start, 1);
        for (let page = 0; page < 8; page++) evict(child, start + page * PAGE);
        // The area of the higher priority is filled first.
        expect([slots(child, high), slots(child, low)]).toEqual([4, 4]);
        // One page comes from the swap cache, the others from the disk.
        child.load32(start + 3 * PAGE);
        rules(child);
        child.swapoff(high);
        rules(child);
        expect(slots(child, low)).toBe(4);
        child.swapoff(low);
        rules(child);
        expect(child.load32(start)).toBe(1);
        for (let page = 1; page < 8; page++) {
          expect(child.load32(start + page * PAGE)).toBe(50 + page);
        }
      });
      for (let page = 0; page < 8; page++) expect(task.load32(start + page * PAGE)).toBe(50 + page);
      expect(
        errnoOf(() => {
          task.swapoff(low);
        }),
      ).toBe("EINVAL");
      expect(errnoOf(() => task.swapon({ length: 1 << 30 }))).toBe("ENOMEM");
    });
    expect(machine.census()).toEqual(machine.bootCensus);
    expect(getU32(machine.cpu, DISK + Disk.nr_free)).toBe(4096);
  });

  test("a page that somebody holds stays with its program", () => {
    const machine = swapMachine(kernel);
    machine.run((task) => {
      task.swapon({ length: 1 << 20 });
      const start = anonymous(task, 1);
      task.store32(start, 5);
      const held = task.cpu.k.follow_page(start);
      for (let i = 0; i < 4; i++) {
        expect(task.cpu.k.shrink_page(task.cpu.k.follow_page(start))).toBe(0);
      }
      expect(isPresent(task, start)).toBe(true);
      task.cpu.k.put_page(held);
      expect(evict(task, start)).toBe(true);
      expect(task.load32(start)).toBe(5);
    });
  });

  test("a dirty page of a file is written, and what was cut off is not seen again", () => {
    const machine = swapMachine(kernel);
    machine.run((task) => {
      const file = task.createFile({ sizeBytes: 4 * PAGE, seed: 9 });
      const start = task.mmap({ length: 4 * PAGE, ...RW, shared: true, file });
      const clean = task.load32(start + 4);
      task.store32(start + PAGE + 40, 77);
      const before = task.load32(start + PAGE + 44);
      task.store32(start + 2 * PAGE + 2000, 78);
      for (let page = 0; page < 3; page++) expect(evict(task, start + page * PAGE)).toBe(true);
      rules(task);
      expect(task.load32(start + 4)).toBe(clean);
      expect(task.load32(start + PAGE + 40)).toBe(77);
      expect(task.load32(start + PAGE + 44)).toBe(before);
      rules(task);
      evict(task, start + PAGE);
      task.ftruncate(file, 2 * PAGE + 1000);
      task.ftruncate(file, 4 * PAGE);
      expect(task.load32(start + 2 * PAGE + 2000)).toBe(0);
      task.ftruncate(file, PAGE + 42);
      task.ftruncate(file, 4 * PAGE);
      expect(task.load32(start + PAGE + 40) & 0xffff).toBe(77);
      expect(task.load32(start + PAGE + 44)).toBe(0);
      rules(task);
      task.closeFile(file);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
    expect(getU32(machine.cpu, DISK + Disk.nr_free)).toBe(4096);
  });

  test("a program may use more memory than there is", () => {
    const machine = new DirectMachine({ kernel, memory: "8M", disk: "24M" });
    machine.run((task) => {
      const area = task.swapon({ length: 16 << 20 });
      const file = task.createFile({ sizeBytes: 600 * PAGE, seed: 3 });
      const mapped = task.mmap({ length: 600 * PAGE, ...RW, shared: true, file });
      const start = anonymous(task, 3000);
      for (let page = 0; page < 3000; page++) {
        task.store32(start + page * PAGE, page);
        if (page < 600) task.store32(mapped + page * PAGE, 9000 + page);
      }
      rules(task);
      for (let page = 0; page < 3000; page++) expect(task.load32(start + page * PAGE)).toBe(page);
      for (let page = 0; page < 600; page++) {
        expect(task.load32(mapped + page * PAGE)).toBe(9000 + page);
      }
      rules(task);
      task.munmap(start, 3000 * PAGE);
      task.munmap(mapped, 600 * PAGE);
      task.closeFile(file);
      task.swapoff(area);
      rules(task);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("kswapd does not run between a fault and the instruction that is tried again", () => {
    // On one CPU it runs where the program comes into the kernel, and here it is wanted after each fault: memory is
    // low, and swap is full, so that little can be taken but the page that has just come from there.
    const machine = new DirectMachine({ kernel, disk: DISK_SIZE, memory: "8M" });
    machine.run((task) => {
      const slotCount = 16;
      task.swapon({ length: slotCount * PAGE });
      const start = anonymous(task, 4096);
      for (let page = 0; page < slotCount; page++) {
        task.store32(start + page * PAGE, page + 1);
        expect(evict(task, start + page * PAGE)).toBe(true);
      }
      const zone = ZONE_TABLE + ZONE_NORMAL * ZONE_STRIDE;
      const low = getU32(task.cpu, zone + Zone.pages_low);
      let at = start + slotCount * PAGE;
      for (; getU32(task.cpu, zone + Zone.free_pages) > low - 2 * slotCount; at += PAGE) {
        task.store32(at, 1);
      }
      const runs = (): number =>
        getU32(task.cpu, task.cpu.area + PERCPU_RECLAIM + ReclaimState.kswapd);
      const isWanted = (): boolean =>
        (getU32(task.cpu, task.cpu.area + PerCpu.attention) & ATTENTION_KSWAPD) !== 0;
      let wanted = 0;
      /** An instruction that faults does not wait for kswapd, which it has made necessary. */
      const withoutKswapd = (instruction: () => void): void => {
        task.cpu.k.take_interrupts();
        const before = runs();
        instruction();
        expect(runs()).toBe(before);
        if (isWanted()) wanted++;
      };
      for (let page = 0; page < slotCount; page++) {
        const there = start + page * PAGE;
        withoutKswapd(() => {
          expect(task.load32(there)).toBe(page + 1);
        });
        withoutKswapd(() => {
          task.copy(there, at - PAGE, 8);
        });
      }
      expect(wanted).toBeGreaterThan(slotCount / 2);
    });
  });

  test("who uses most dies when memory and swap are full, and stay full for a while", () => {
    const machine = new DirectMachine({ kernel, memory: "8M", disk: "1M" });
    machine.run((task) => {
      task.swapon({ length: 1 << 20 });
      const start = anonymous(task, 4000);
      expect(
        signalOf(() => {
          task.touch(start, 4000 * PAGE);
        }),
      ).toMatch(/^SIGKILL write/);
      // Others might have had the locks of all pages.
      expect(getU32(task.cpu, task.address + Task.oom_naps)).toBe(20);
    });
    expect(getI32(machine.cpu, SWAP_LIST + SwapList.nr_swap_pages)).toBe(256);
    expect(checkInvariants(machine.cpu)).toEqual([]);
  });
});

describe("the rules of swap", () => {
  /** A process with a slot in use, a page in the swap cache and a page of a file on the disk; then `look`. */
  function withSwap(look: (task: ProgramTask, cached: number) => void): void {
    const machine = swapMachine("2.6.9");
    machine.run((task) => {
      task.swapon({ length: 16 * PAGE });
      const file = task.createFile({ sizeBytes: PAGE });
      const shared = task.mmap({ length: PAGE, ...RW, shared: true, file });
      const start = anonymous(task, 3);
      task.touch(start, 3 * PAGE);
      task.store32(shared, 1);
      for (const at of [shared, start, start + PAGE]) evict(task, at);
      task.load32(start);
      const frame = readPte(task.cpu, mmOfTask(task.cpu, task.address), start)?.pfn ?? 0;
      rules(task);
      look(task, pageAt(frame));
      rules(task);
      task.closeFile(file);
    });
  }

  /** Rules that are broken when the word at `at` is changed, which it is not afterwards. */
  function brokenBy(task: ProgramTask, at: number, change: (word: number) => number): string[] {
    const word = getI32(task.cpu, at);
    setI32(task.cpu, at, change(word));
    const found = [...new Set(checkInvariants(task.cpu).map(({ rule }) => rule))];
    setI32(task.cpu, at, word);
    return found;
  }

  test("each is found to be broken when one word is changed", () => {
    withSwap((task, cached) => {
      const map = getU32(task.cpu, SWAP_INFO + SwapInfo.swap_map);
      expect(brokenBy(task, map, (word) => word + 0x10000)).toContain("I-SWAP");
      expect(brokenBy(task, SWAP_INFO + SwapInfo.inuse_pages, (word) => word + 1)).toEqual([
        "SWAP-COUNT",
      ]);
      expect(brokenBy(task, SWAP_LIST + SwapList.nr_swap_pages, (word) => word - 1)).toEqual([
        "SWAP-COUNT",
      ]);
      expect(brokenBy(task, cached + Page.private_, (word) => word + 1)).toEqual(["SWAP-CACHE"]);
      expect(brokenBy(task, cached + Page.flags, (word) => word & ~PG_swapcache)).toEqual([
        "SWAP-CACHE",
      ]);
      expect(brokenBy(task, cached + Page.flags, (word) => word | PG_writeback)).toEqual([
        "SWAP-CACHE",
      ]);
      expect(brokenBy(task, cached + Page.flags, (word) => word ^ PG_dirty)).toEqual([]);
      const bitmap = getU32(task.cpu, DISK + Disk.bitmap);
      expect(brokenBy(task, bitmap, (word) => word ^ 1)).toEqual(["DISK"]);
    });
  });
});
