// MMU notifiers: the clients that come with racier, and what the registry itself promises.

import { describe, expect, test } from "vitest";
import { checkInvariants } from "../../src/machine/invariants/check.ts";
import type { NotifierClient } from "../../src/notifier/client.ts";
import { CLIENTS } from "../../src/notifier/clients/index.ts";
import { describeNotifierClient } from "../examination/notifier-clients.ts";
import { DirectMachine } from "../support/direct.ts";

const KERNELS = ["2.6.27", "mmn-v13"];
const named = (name: string): (typeof CLIENTS)[number] => {
  const client = CLIENTS.find((each) => each.name === name);
  if (client === undefined) throw new Error(`no client ${name}`);
  return client;
};

const { default: mirror } = await import("../../docs/examples/notifier/mirror.ts");
describeNotifierClient({ client: mirror, kernel: "2.6.27", isForeign: true });

describe.each(KERNELS)("%s", (kernel) => {
  for (const name of ["kvm", "gru"]) describeNotifierClient({ client: named(name), kernel });

  test("a client that sleeps where it must not stops the machine", () => {
    const machine = new DirectMachine({ kernel });
    const bug = machine.bugOf(() => {
      machine.run((task) => {
        const at = task.mmap({ length: 4096, read: true, write: true });
        const handle = task.registerNotifier("xpmem", at, 1);
        task.secondaryStore32(handle, at, 1);
        task.munmap(at, 4096);
      });
    });
    expect(bug.rule).toBe("BUG_SCHEDULING_WHILE_ATOMIC");
  });

  test("a registration holds the struct of an mm, and not what it maps", () => {
    const machine = new DirectMachine({ kernel });
    const before = machine.census();
    const kept = machine.run((task) => {
      const at = task.mmap({ length: 64 * 4096, read: true, write: true });
      task.touch(at, 64 * 4096);
      const handle = task.registerNotifier("empty", at, 1);
      task.attachNotifier(handle);
      return handle;
    });
    expect(checkInvariants(machine.cpu)).toEqual([]);
    const free = (census: typeof before): number => census.zones[0]?.freePages ?? 0;
    expect(free(machine.census())).toBeGreaterThan(free(before) - 8);
    machine.run((task) => {
      task.detachNotifier(kept);
    });
    expect(machine.census()).toEqual(before);
  });

  test("hundreds of VMAs of few files and anon_vmas: every lock is taken once, and given back", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const file = task.createFile({ sizeBytes: 4096, seed: 1 });
      for (let i = 0; i < 200; i++) {
        const prot = { read: true, write: i % 2 === 0 };
        const at = task.mmap({ length: 4096, ...(i % 3 === 0 ? { file } : {}), ...prot });
        if (prot.write) task.store32(at, i);
      }
      const at = task.mmap({ length: 4096, read: true });
      task.unregisterNotifier(task.registerNotifier("empty", at, 1));
      task.unregisterNotifier(task.registerNotifier("empty", at, 1));
      expect(checkInvariants(machine.cpu)).toEqual([]);
      task.closeFile(file);
    });
    expect(checkInvariants(machine.cpu)).toEqual([]);
  });
});

test("mmn-v13: without memory for its arrays mm_lock fails, and nothing has changed", () => {
  const machine = new DirectMachine({ kernel: "mmn-v13" });
  machine.run((task) => {
    const at = task.mmap({ length: 4096, read: true, write: true });
    const handle = task.registerNotifier("kvm", at, 1);
    task.secondaryStore32(handle, at, 1);
    const { k } = task.cpu;
    const hoard: number[] = [];
    for (let page = k.alloc_pages(0xd0, 0); page !== 0; page = k.alloc_pages(0xd0, 0)) {
      hoard.push(page);
    }

    expect(() => {
      task.unregisterNotifier(handle);
    }).toThrow("ENOMEM");
    expect(task.secondaryLoad32(handle, at)).toBe(1);

    for (const page of hoard) k.free_pages(page, 0);
    task.unregisterNotifier(handle);
  });
});

test("the hardware walks the table of a client by itself, inside the window, and asks at a miss only", () => {
  const asked: string[] = [];
  const counting: NotifierClient = {
    ...mirror,
    name: "counting",
    access: (self, address, write, perform) => {
      asked.push(`${write ? "store" : "load"} ${self.indexOf(address)}`);
      return mirror.access(self, address, write, perform);
    },
  };
  const machine = new DirectMachine({ kernel: "2.6.27" });
  machine.notifierClient(counting);
  machine.run((task) => {
    const at = task.mmap({ length: 4 * 4096, read: true, write: true });
    task.store32(at + 4096, 5);
    const handle = task.registerNotifier("counting", at + 4096, 2);
    // The process has written that page, the window reads it: no store may pass.
    expect(task.secondaryLoad32(handle, at + 4096)).toBe(5);
    expect(task.secondaryLoad64(handle, at + 4096)).toBe(5n);
    task.secondaryStore64(handle, at + 4096, 0x1_0000_0007n);
    task.secondaryStore32(handle, at + 4096 + 8, 9);
    expect(task.secondaryLoad32(handle, at + 4096 + 4)).toBe(1);
    expect(task.load32(at + 4096 + 8)).toBe(9);
    expect(asked).toEqual(["load 0", "store 0"]);
    for (const outside of [at, at + 3 * 4096, -4096, 2 ** 47]) {
      expect(() => task.secondaryLoad32(handle, outside)).toThrow("SIGSEGV");
      expect(() => {
        task.secondaryStore64(handle, outside, 1n);
      }).toThrow("SIGSEGV");
    }
    expect(asked).toHaveLength(10);
    expect(() => task.secondaryLoad32(handle + 2, at)).toThrow("is no registration");
    task.munmap(at + 4096, 4096);
    expect(() => task.secondaryLoad64(handle, at + 4096)).toThrow("SIGSEGV");
  });
});

test("a kernel without notifiers refuses a registration", () => {
  const machine = new DirectMachine({ kernel: "2.6.9" });
  machine.run((task) => {
    const at = task.mmap({ length: 4096, read: true, write: true });
    expect(() => task.registerNotifier("kvm", at, 1)).toThrow("this kernel has no MMU notifiers");
  });
});
