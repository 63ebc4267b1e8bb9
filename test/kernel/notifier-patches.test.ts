// The patches of the thread of 2008, as switches of mmn-v13: where methods may sleep, that a client which must sleep
// keeps to its word where they may everywhere, and what each patch lets a client see.

import { describe, expect, test } from "vitest";
import { threadsEngine } from "../../src/engine/threads/engine.ts";
import { runStress } from "../../src/experiment/stress.ts";
import { heldLocks } from "../../src/machine/lock-order.ts";
import type { Secondary } from "../../src/notifier/client.ts";
import { defineNotifierClient } from "../../src/notifier/client.ts";
import { CLIENTS } from "../../src/notifier/clients/index.ts";
import { atomic } from "../../src/notifier/state.ts";
import { describeNotifierClient } from "../examination/notifier-clients.ts";
import { describeSleepingMethods } from "../examination/sleeping-methods.ts";
import { DirectMachine } from "../support/direct.ts";

const PAGE = 4096;
const RW = { read: true, write: true } as const;

const ALL = [4, 5, 6, 7, 8, 9, 10, 11, 12];
/** What each patch needs, and itself: a kernel with these is compiled for some seconds, so here are two of them. */
const KERNELS: readonly (readonly number[])[] = process.env["RACIER_EVERY_PATCH"]
  ? [[], [4], [5], [5, 6], [7, 8, 10], [8, 10], [4, 5, 6, 8, 10], [8, 9, 10], [11], [12], ALL]
  : [[], [4, 5, 6, 8, 10], ALL];

const nameOf = (numbers: readonly number[]): string =>
  ["mmn-v13", ...numbers.map((number) => `patch${String(number).padStart(2, "0")}`)].join("+");

for (const numbers of KERNELS) describeSleepingMethods(nameOf(numbers), numbers);

describe.each(CLIENTS.filter(({ name }) => name !== "empty"))("$name", (client) => {
  describeNotifierClient({ client, kernel: "mmn-v13+all" });
});

test("mmn-v13+all: random programs, all of the clients, reclaim and swap break no rule", async () => {
  const options = {
    kernel: "mmn-v13+all",
    cpus: 2,
    memory: "14M",
    disk: "16M",
    seed: 4,
    checking: true,
  };
  const doc = await runStress({ ...options, seconds: 60, operations: 400 }, threadsEngine);

  expect(doc.failure).toBeNull();
  expect(doc.counts.notifiers).toBeGreaterThan(4);
  expect(doc.counts.guest).toBeGreaterThan(0);
});

/** A machine with a client whose access does `act`, and which hears the lengths of ranges, in pages. */
function machineWith(kernel: string, act: (self: Secondary) => void): [DirectMachine, number[]] {
  const ranges: number[] = [];
  const machine = new DirectMachine({ kernel, cpus: 2 });
  machine.notifierClient(
    defineNotifierClient({
      name: "probe",
      title: "does what the test wants",
      state: { unused: atomic() },
      maxPages: 64,
      invalidatePage: () => undefined,
      rangeStart: (_, start, end) => void ranges.push((end - start) / PAGE),
      rangeEnd: () => undefined,
      clearFlushYoung: () => false,
      release: () => undefined,
      access(self) {
        act(self);
        return true;
      },
      underWay: () => 0,
      translations: () => [],
    }),
  );
  return [machine, ranges];
}

test.each([
  ["mmn-v13", [20]],
  ["mmn-v13+all", [8, 8, 4]],
])("%s: truncation unmaps %s pages at a time", (kernel, expected) => {
  const [machine, ranges] = machineWith(kernel, () => undefined);
  machine.run((task) => {
    const file = task.createFile({ sizeBytes: 30 * PAGE, seed: 1 });
    const at = task.mmap({ length: 30 * PAGE, file, shared: true, ...RW });
    task.touch(at, 30 * PAGE);
    const handle = task.registerNotifier("probe", at, 30);

    task.ftruncate(file, 10 * PAGE);

    expect(ranges).toEqual(expected);
    task.unregisterNotifier(handle);
    task.load32(at + 9 * PAGE);
    for (const page of [10, 17, 18, 25, 26, 29]) {
      expect(() => task.load32(at + page * PAGE), `page ${page}`).toThrow("SIGBUS");
    }
    task.closeFile(file);
  });
});

test.each([
  ["mmn-v13", 7],
  ["mmn-v13+all", 0],
])("%s: a client takes pages away from its process, if patch 11 lets it", (kernel, left) => {
  const [machine, ranges] = machineWith(kernel, (self) => {
    self.withMmapSem(() => {
      self.zapPages(self.start, self.start + PAGE);
    });
  });
  machine.run((task) => {
    const at = task.mmap({ length: 2 * PAGE, ...RW });
    for (const page of [0, 1]) task.store32(at + page * PAGE, 7);
    const handle = task.registerNotifier("probe", at, 2);

    const zap = (): number => task.secondaryLoad32(handle, at);
    if (left === 0) zap();
    else expect(zap).toThrow("mmn-v13+zap-export");

    expect(ranges).toEqual(left === 0 ? [1] : []);
    expect([task.load32(at), task.load32(at + PAGE)]).toEqual([left, 7]);
  });
});

test.each([
  ["mmn-v13", ["mmap_sem"]],
  ["mmn-v13+all", ["mmap_sem", "mmap_sem"]],
])("%s: a fault in the window of another process holds %s", (kernel, expected) => {
  const held: string[][] = [];
  const [machine] = machineWith(kernel, (self) => {
    self.withBothMmapSems(() => held.push(heldLocks(machine.cpu, 0)));
  });
  machine.run((task) => {
    const at = task.mmap({ length: PAGE, ...RW });
    const handle = task.registerNotifier("probe", at, 1);
    machine.program("child", (child) => {
      child.attachNotifier(handle);
      child.secondaryLoad32(handle, at);
      child.detachNotifier(handle);
    });
    task.fork("child");
    task.wait();
    task.secondaryLoad32(handle, at);
  });
  expect(held).toEqual([expected, ["mmap_sem"]]);
});
