// Where the methods of a notifier may sleep, by the patches of the thread of 2008 that a kernel has: at each place that
// calls one, a client that sleeps goes on, or stops the machine. docs/notifiers.md has the table.

import { expect, test } from "vitest";
import { checkInvariants } from "../../src/machine/invariants/check.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import { defineNotifierClient } from "../../src/notifier/client.ts";
import { atomic } from "../../src/notifier/state.ts";
import { DirectMachine } from "../support/direct.ts";

const PAGE = 4096;
const RW = { read: true, write: true } as const;

/** Sleeps wherever it is asked, or told, and counts how often. */
const sleeper = defineNotifierClient({
  name: "sleeper",
  title: "sleeps in every method",
  state: { called: atomic() },
  maxPages: 16,
  sleeps: true,
  invalidatePage(self) {
    self.mightSleep();
    self.called.add(1);
  },
  rangeStart(self) {
    self.mightSleep();
    self.called.add(1);
  },
  rangeEnd(self) {
    self.mightSleep();
  },
  clearFlushYoung(self) {
    self.mightSleep();
    self.called.add(1);
    return false;
  },
  release(self) {
    self.mightSleep();
  },
  access: () => false,
  underWay: () => 0,
  translations: () => [],
});

/** A process that a sleeper follows: two anonymous pages, then two of a file, all written to. */
interface Scene {
  readonly machine: DirectMachine;
  readonly task: ProgramTask;
  readonly at: number;
  readonly file: number;
  readonly fileAt: number;
}

interface Site {
  readonly name: string;
  /** Patches without which nobody may sleep there. */
  readonly needs: readonly number[];
  readonly act: (scene: Scene) => void;
}

const fork = ({ machine, task }: Scene): void => {
  machine.program("child", () => undefined);
  task.fork("child");
  task.wait();
};

const age = ({ task }: Scene, address: number): void => {
  const { k } = task.cpu;
  const page = k.follow_page(address);
  k.page_referenced(page, 0);
  k.put_page(page);
};

/** Reclaim takes a page away by hand: at the second look nobody has used it. */
const evict = ({ task }: Scene, address: number): void => {
  const { k } = task.cpu;
  for (let i = 0; i < 3; i++) {
    const page = k.follow_page(address);
    if (page === 0 || k.shrink_page(page) !== 0) return;
  }
  expect.fail("the page was not reclaimed");
};

const SITES: readonly Site[] = [
  {
    name: "mprotect",
    needs: [],
    act: ({ task, at }) => {
      task.mprotect(at, PAGE, { read: true });
    },
  },
  {
    name: "mremap and the unmap of the old place",
    needs: [6],
    act: ({ task, at }) => void task.mremap(at, PAGE, 32 * PAGE),
  },
  { name: "fork", needs: [], act: fork },
  { name: "exit", needs: [], act: () => undefined },
  {
    name: "COW",
    needs: [4],
    act: (scene) => {
      const { machine, task, at } = scene;
      machine.program("child", () => undefined);
      task.fork("child");
      task.store32(at, 2);
      task.wait();
    },
  },
  {
    name: "munmap",
    needs: [6],
    act: ({ task, at }) => {
      task.munmap(at, PAGE);
    },
  },
  {
    name: "madvise",
    needs: [6],
    act: ({ task, at }) => {
      task.madviseDontneed(at, PAGE);
    },
  },
  {
    name: "truncation",
    needs: [6, 8],
    act: ({ task, file }) => {
      task.ftruncate(file, PAGE);
    },
  },
  {
    name: "aging of an anonymous page",
    needs: [4, 9],
    act: (scene) => {
      age(scene, scene.at);
    },
  },
  {
    name: "aging of a file's page",
    needs: [4, 8],
    act: (scene) => {
      age(scene, scene.fileAt);
    },
  },
  {
    name: "reclaim of an anonymous page",
    needs: [4, 9],
    act: (scene) => {
      evict(scene, scene.at);
    },
  },
  {
    name: "reclaim of a file's page",
    needs: [4, 8],
    act: (scene) => {
      evict(scene, scene.fileAt);
    },
  },
];

function play(machine: DirectMachine, act: Site["act"]): number {
  return machine.run((task) => {
    const area = task.swapon({ length: 64 * PAGE });
    const at = task.mmap({ length: 2 * PAGE, ...RW });
    const file = task.createFile({ sizeBytes: 2 * PAGE, seed: 1 });
    const fileAt = task.mmap({ length: 2 * PAGE, file, shared: true, ...RW });
    for (const base of [at, fileAt]) for (const page of [0, 1]) task.store32(base + page * PAGE, 1);
    const handle = task.registerNotifier("sleeper", at, 2);
    act({ machine, task, at, file, fileAt });
    expect(checkInvariants(machine.cpu)).toEqual([]);
    expect(task.load32(fileAt)).toBe(1);
    task.unregisterNotifier(handle);
    task.munmap(fileAt, 2 * PAGE);
    task.munmap(at, 2 * PAGE);
    task.swapoff(area);
    task.closeFile(file);
    return 0;
  });
}

/** Registers the tests of one kernel, which has so many of the patches, by their numbers. */
export function describeSleepingMethods(kernel: string, patches: readonly number[]): void {
  test.each(SITES)(`${kernel}: a method that sleeps at $name`, ({ needs, act }) => {
    const machine = new DirectMachine({ kernel, cpus: 2, disk: "1M" });
    machine.notifierClient(sleeper);
    const before = machine.census();
    if (needs.every((number) => patches.includes(number))) {
      play(machine, act);
      expect(checkInvariants(machine.cpu)).toEqual([]);
      expect(machine.census()).toEqual(before);
    } else {
      const bug = machine.bugOf(() => play(machine, act));
      expect(bug.rule).toBe("BUG_SCHEDULING_WHILE_ATOMIC");
    }
  });
}
