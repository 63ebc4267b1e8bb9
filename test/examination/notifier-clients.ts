// What every client of MMU notifiers must keep to, ours and those of users: an access through the secondary MMU sees what
// the process sees, and reaches nothing that the process has given away. One CPU, so each step is looked at.

import { expect, test } from "vitest";
import { checkInvariants } from "../../src/machine/invariants/check.ts";
import type { NotifierClient } from "../../src/notifier/client.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import { DirectMachine } from "../support/direct.ts";

const PAGE = 4096;
const PAGES = 4;

/** A process with a window that a client follows. */
interface Guest {
  readonly task: ProgramTask;
  readonly at: number;
  readonly handle: number;
  /** Loads a page of the window through the secondary MMU. */
  readonly load: (page: number) => number;
  readonly store: (page: number, value: number) => void;
}

/** What is to be examined. */
export interface Examined {
  readonly client: NotifierClient;
  readonly kernel: string;
  /** It is not one of ours. @defaultValue false */
  readonly isForeign?: boolean;
}

/** Registers the tests of one client on one kernel. */
export function describeNotifierClient({ client, kernel, isForeign = false }: Examined): void {
  const machineOf = (): DirectMachine => {
    const machine = new DirectMachine({ kernel, cpus: 2 });
    if (isForeign) machine.notifierClient(client);
    return machine;
  };

  /** Runs `body` in a process of its own; all memory must come back. */
  const withGuest = (body: (guest: Guest, machine: DirectMachine) => void): void => {
    const machine = machineOf();
    const before = machine.census();
    machine.run((task) => {
      const at = task.mmap({ length: PAGES * PAGE, read: true, write: true });
      const handle = task.registerNotifier(client.name, at, PAGES);
      const load = (page: number): number => task.secondaryLoad32(handle, at + page * PAGE);
      const store = (page: number, value: number): void => {
        task.secondaryStore32(handle, at + page * PAGE, value);
      };
      body({ task, at, handle, load, store }, machine);
      expect(checkInvariants(machine.cpu)).toEqual([]);
      for (let page = 0; page < PAGES; page++) expectSame({ task, at, load }, page);
    });
    expect(checkInvariants(machine.cpu)).toEqual([]);
    expect(machine.census()).toEqual(before);
  };

  const reads = (body: () => number): number | string => {
    try {
      return body();
    } catch (error) {
      return (error as Error).message.split(":")[0] ?? "";
    }
  };

  /** The process and its secondary MMU read the same, or are refused both. */
  const expectSame = (
    { task, at, load }: Pick<Guest, "task" | "at" | "load">,
    page: number,
  ): void => {
    const secondary = reads(() => load(page));
    expect(secondary, `page ${page}`).toBe(reads(() => task.load32(at + page * PAGE)));
  };

  test(`${kernel}, ${client.name}: each sees what the other stores`, () => {
    withGuest(({ task, at, load, store }) => {
      task.store32(at, 7);
      expect(load(0)).toBe(7);
      store(1, 9);
      expect(task.load32(at + PAGE)).toBe(9);
      store(0, 8);
      expect(task.load32(at)).toBe(8);
      expect(load(2)).toBe(0);
      task.store32(at + 2 * PAGE, 5);
      expect(load(2)).toBe(5);
    });
  });

  test(`${kernel}, ${client.name}: what the process may not do, it may not either`, () => {
    withGuest(({ task, at, handle, store }) => {
      store(0, 1);
      task.mprotect(at, PAGE, { read: true });
      expect(() => {
        store(0, 2);
      }).toThrow("SIGSEGV");
      expect(() => task.secondaryLoad32(handle, at + PAGES * PAGE)).toThrow("SIGSEGV");
      expect(() => task.registerNotifier(client.name, at, client.maxPages + 1)).toThrow("EINVAL");
    });
  });

  test(`${kernel}, ${client.name}: follows munmap, madvise, mremap and a new mapping in the place of the old`, () => {
    withGuest(({ task, at, load, store }) => {
      for (let page = 0; page < PAGES; page++) store(page, page + 1);
      task.munmap(at, PAGE);
      task.madviseDontneed(at + PAGE, PAGE);
      const moved = task.mremap(at + 2 * PAGE, PAGE, 2 * PAGE);
      expect(task.load32(moved)).toBe(3);
      expect(load(1)).toBe(0);
      expect(() => load(0)).toThrow("SIGSEGV");
      task.mmap({ length: PAGE, hint: at, fixed: true, read: true, write: true });
      expect(load(0)).toBe(0);
    });
  });

  test(`${kernel}, ${client.name}: follows copy on write, on both sides of a fork`, () => {
    withGuest(({ task, at, load, store }, machine) => {
      store(0, 1);
      store(1, 1);
      machine.program("child", (child) => {
        child.store32(at, 2);
      });
      task.fork("child");
      task.store32(at + PAGE, 3);
      expect([load(0), load(1)]).toEqual([1, 3]);
      task.wait();
      store(0, 4);
      expect(task.load32(at)).toBe(4);
    });
  });

  test(`${kernel}, ${client.name}: follows a file that is truncated`, () => {
    withGuest(({ task, at, load, store }) => {
      const file = task.createFile({ sizeBytes: 2 * PAGE, seed: 1 });
      task.mmap({
        length: 2 * PAGE,
        file,
        shared: true,
        hint: at,
        fixed: true,
        read: true,
        write: true,
      });
      store(0, 5);
      expect(load(1)).toBe(task.load32(at + PAGE));
      task.ftruncate(file, PAGE);
      expect(load(0)).toBe(5);
      expect(() => load(1)).toThrow("SIGSEGV");
      expect(() => task.load32(at + PAGE)).toThrow("SIGBUS");
      task.mmap({ length: 2 * PAGE, hint: at, fixed: true, read: true, write: true });
      task.closeFile(file);
    });
  });

  test(`${kernel}, ${client.name}: a page that it has used counts as used, once`, () => {
    withGuest(({ task, at, load, store }) => {
      store(0, 1);
      const { k } = task.cpu;
      const page = k.follow_page(at);
      k.page_referenced(page, 0);
      expect(k.page_referenced(page, 0)).toBe(0);
      load(0);
      expect(k.page_referenced(page, 0)).toBe(1);
      expect(k.page_referenced(page, 0)).toBe(0);
      k.put_page(page);
    });
  });

  test(`${kernel}, ${client.name}: two of them follow one process; one that has left reads no more`, () => {
    withGuest(({ task, at, load, store }) => {
      const second = task.registerNotifier(client.name, at, PAGES);
      store(0, 1);
      expect(task.secondaryLoad32(second, at)).toBe(1);
      task.munmap(at, PAGE);
      expect(() => task.secondaryLoad32(second, at)).toThrow("SIGSEGV");
      task.unregisterNotifier(second);
      expect(() => task.secondaryLoad32(second, at + PAGE)).toThrow("is no registration");
      expect(load(1)).toBe(0);
    });
  });

  test(`${kernel}, ${client.name}: when the process has gone, a handle that somebody kept reads nothing`, () => {
    const machine = machineOf();
    const before = machine.census();
    const kept = machine.run((task) => {
      const at = task.mmap({ length: PAGE, read: true, write: true });
      const handle = task.registerNotifier(client.name, at, 1);
      task.secondaryStore32(handle, at, 1);
      task.attachNotifier(handle);
      return { at, handle };
    });

    machine.run((task) => {
      expect(() => task.secondaryLoad32(kept.handle, kept.at)).toThrow("SIGSEGV");
      task.detachNotifier(kept.handle);
    });

    expect(machine.census()).toEqual(before);
  });
}
