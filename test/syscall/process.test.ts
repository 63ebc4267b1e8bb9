// fork, clone, exec, exit, wait: who lives, in which address space, and what is told to whom.

import { describe, expect, test } from "vitest";
import {
  FILE_SEED,
  MmStruct,
  Task,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_READ,
  VM_WRITE,
} from "../../src/layout/structs.gen.ts";
import { getI32 } from "../../src/layout/view.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import { VM_MAY_ALL } from "../../src/mm/map.ts";
import type { ExecImage } from "../../src/mm/exec.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { leaveFrames } from "../support/hoard.ts";
import { maps, mmOfTask } from "../support/inspect.ts";
import { PAGE, PLACE, anonymous, errnoOf, fixed, inChild, signalOf } from "../support/process.ts";

describe.each(KERNEL_NAMES)("%s: fork", (kernel) => {
  const run = (body: (task: ProgramTask, machine: DirectMachine) => void): void => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      body(task, machine);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  };

  test("copies every kind of mapping, and what each holds", () => {
    run((task, machine) => {
      const file = machine.cpu.k.inode_alloc(FILE_SEED, 3, 4 * PAGE, 1);
      fixed(task, 0, 2);
      fixed(task, 2, 2, { write: false });
      fixed(task, 4, 2, { read: false, write: false });
      fixed(task, 6, 2, { shared: true });
      fixed(task, 8, 2, { file });
      fixed(task, 10, 2, { file, shared: true, write: false });
      fixed(task, 20, 2, { growsDown: true });
      for (const page of [0, 6, 8, 20]) task.store32(PLACE + page * PAGE, page + 1);
      const before = maps(machine.cpu, mmOfTask(machine.cpu, task.address), PLACE);
      const seen = (who: ProgramTask): number[] =>
        [0, 1, 2, 6, 7, 8, 9, 10, 20].map((page) => who.load32(PLACE + page * PAGE));
      const expected = seen(task);

      inChild(machine, task, (child) => {
        expect(maps(machine.cpu, mmOfTask(machine.cpu, child.address), PLACE)).toEqual(before);
        expect(seen(child)).toEqual(expected);
        expect(signalOf(() => child.load8(PLACE + 4 * PAGE))).toContain("SIGSEGV");
      });
      expect(seen(task)).toEqual(expected);
      machine.cpu.k.inode_put(file);
    });
  });

  test("of a process without any memory is well", () => {
    run((task, machine) => {
      expect(inChild(machine, task, () => undefined)).toMatchObject({ status: 0, signal: 0 });
    });
  });

  test("gives the child its numbers, and itself a pid of its own", () => {
    run((task, machine) => {
      const seen: unknown[] = [];
      machine.program("child", (child, ...numbers) => {
        seen.push(child.pid, numbers);
      });
      const pids = [task.fork("child", { args: [1, 2.5] }), task.fork("child", { args: [-7] })];
      task.wait();
      task.wait();

      expect(seen).toEqual([pids[0], [1, 2.5, 0, 0], pids[1], [-7, 0, 0, 0]]);
      expect(new Set([task.pid, ...pids]).size).toBe(3);
    });
  });

  test("is refused with EAGAIN at every point where memory can run out, and nothing has changed", () => {
    const refusals: string[] = [];
    const machine = new DirectMachine({ kernel, memory: "8M" });
    for (let frames = 0; frames < 24; frames++) {
      machine.run((task) => {
        for (const place of [0, 2 ** 30, 2 ** 39, 2 ** 45]) {
          task.mmap({ length: PAGE, read: true, write: true, hint: PLACE + place, fixed: true });
          task.store32(PLACE + place, 9);
        }
        machine.cpu.k.lru_add_drain();
        machine.program("child", () => undefined);
        const giveBack = leaveFrames(machine.cpu, frames);
        const code = errnoOf(() => task.fork("child"));
        giveBack();
        refusals.push(code);
        if (code === "ok") task.wait();
        else expect(errnoOf(() => task.wait())).toBe("ECHILD");

        task.store32(PLACE, 10);
        expect([task.load32(PLACE), task.load32(PLACE + 2 ** 45)]).toEqual([10, 9]);
      });
      expect(machine.census()).toEqual(machine.bootCensus);
    }
    expect(refusals.indexOf("ok")).toBeGreaterThan(5);
    expect(refusals.at(-1)).toBe("ok");
  });
});

describe.each(KERNEL_NAMES)("%s: wait", (kernel) => {
  const machineWith = (): DirectMachine => new DirectMachine({ kernel });

  test("tells pid and status, signal or neither, of each child once", () => {
    const machine = machineWith();
    machine.program("exits", (task, status) => task.exit(status));
    machine.program("segfaults", (task) => task.load32(16));
    machine.program("returns", () => "whatever");
    machine.run((task) => {
      const started = [
        task.fork("exits", { args: [3] }),
        task.fork("segfaults"),
        task.fork("returns"),
        task.fork("exits", { args: [256 + 7] }),
      ];
      const ended = started.map(() => task.wait());

      expect(ended.sort((a, b) => a.pid - b.pid)).toEqual([
        { pid: started[0], status: 3, signal: 0 },
        { pid: started[1], status: 0, signal: 11 },
        { pid: started[2], status: 0, signal: 0 },
        { pid: started[3], status: 7, signal: 0 },
      ]);
      expect(errnoOf(() => task.wait())).toBe("ECHILD");
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("adds the faults of children and grandchildren that were waited for", () => {
    const machine = machineWith();
    machine.run((task) => {
      const start = anonymous(task, 8);
      inChild(machine, task, (child) => {
        child.touch(start, 3 * PAGE);
        inChild(machine, child, (grandchild) => {
          grandchild.touch(start + 4 * PAGE, 2 * PAGE);
        });
        expect(child.usage()).toEqual({ minorFaults: 3, childrenMinorFaults: 2 });
      });
      expect(task.usage()).toEqual({ minorFaults: 0, childrenMinorFaults: 5 });
    });
  });

  test("has nothing to do for orphans: they end by themselves and leave nothing", () => {
    const machine = machineWith();
    const ran: string[] = [];
    machine.program("grandchild", (task) => {
      task.store32(PLACE, 1);
      ran.push("grandchild");
    });
    machine.run((task) => {
      fixed(task, 0, 1);
      inChild(machine, task, (child) => {
        child.fork("grandchild");
        ran.push("child");
      });
    });
    machine.serve();

    expect(ran).toEqual(["child", "grandchild"]);
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("of a child that threw says 255, and the error is not lost", () => {
    const machine = machineWith();
    machine.program("throws", () => {
      throw new Error("as meant");
    });
    let status = 0;
    expect(() => {
      machine.run((task) => {
        task.fork("throws");
        status = task.wait().status;
      });
    }).toThrow("as meant");
    expect(status).toBe(255);
    expect(machine.census()).toEqual(machine.bootCensus);
  });
});

describe.each(KERNEL_NAMES)("%s: clone", (kernel) => {
  test("shares the address space, which lives until the last thread ends", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = fixed(task, 0, 1);
      machine.program("thread", (thread) => {
        expect(mmOfTask(machine.cpu, thread.address)).toBe(mmOfTask(machine.cpu, task.address));
        thread.store32(start, 5);
        fixed(thread, 5, 1);
      });
      task.clone("thread");
      const mm = mmOfTask(machine.cpu, task.address);
      expect(getI32(machine.cpu, mm + MmStruct.mm_users)).toBe(2);
      task.wait();

      expect(task.load32(start)).toBe(5);
      task.store32(PLACE + 5 * PAGE, 6);
      expect(getI32(machine.cpu, mm + MmStruct.mm_users)).toBe(1);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("of a thread that outlives its maker leaves nothing behind", () => {
    const machine = new DirectMachine({ kernel });
    let value = 0;
    machine.program("thread", (thread) => {
      value = thread.load32(PLACE);
    });
    machine.run((task) => {
      fixed(task, 0, 1);
      task.store32(PLACE, 8);
      task.clone("thread");
    });
    machine.serve();

    expect(value).toBe(8);
    expect(machine.census()).toEqual(machine.bootCensus);
  });
});

describe.each(KERNEL_NAMES)("%s: exec", (kernel) => {
  const STACK_TOP = 0x7fff_0000_0000;
  const image = (file: number): ExecImage => ({
    segments: [
      {
        start: 0x40_0000,
        length: 2 * PAGE,
        flags: VM_READ | VM_EXEC | VM_MAY_ALL,
        file,
        pgoff: 0,
      },
      {
        start: 0x60_0000,
        length: PAGE,
        flags: VM_READ | VM_WRITE | VM_MAY_ALL,
        file,
        pgoff: 2,
      },
      {
        start: STACK_TOP - 2 * PAGE,
        length: 2 * PAGE,
        flags: VM_READ | VM_WRITE | VM_MAY_ALL | VM_GROWSDOWN,
        file: 0,
        pgoff: 0,
      },
    ],
    brk: 0x60_1000,
    stackTop: STACK_TOP,
  });
  const EMPTY: ExecImage = { segments: [], brk: 0x60_0000, stackTop: STACK_TOP };

  test("replaces everything: segments, heap and stack are there, the old memory is not", () => {
    const machine = new DirectMachine({ kernel });
    const file = machine.cpu.k.inode_alloc(FILE_SEED, 3, 4 * PAGE, 1);
    machine.run((task) => {
      fixed(task, 0, 4);
      task.touch(PLACE, 4 * PAGE);
      const old = mmOfTask(machine.cpu, task.address);

      task.exec(image(file));

      expect(mmOfTask(machine.cpu, task.address)).not.toBe(old);
      expect(signalOf(() => task.load32(PLACE))).toContain("SIGSEGV");
      expect(task.load32(0x40_0000 + PAGE)).toBe(machine.cpu.k.seed_word(3, 1, 0) >>> 0);
      task.store32(0x60_0000, 1);
      expect(task.load32(0x60_0004)).toBe(machine.cpu.k.seed_word(3, 2, 1) >>> 0);
      expect(task.brk(0)).toBe(0x60_1000);
      expect(task.brk(0x60_3000)).toBe(0x60_3000);
      task.store32(STACK_TOP - 100 * PAGE, 1);
      expect(signalOf(() => task.load32(STACK_TOP))).toContain("SIGSEGV");
      expect(maps(machine.cpu, mmOfTask(machine.cpu, task.address))).toHaveLength(4);
    });
    machine.cpu.k.inode_put(file);
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("in a child leaves the parent as it was", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      fixed(task, 0, 2);
      task.touch(PLACE, 2 * PAGE);
      inChild(machine, task, (child) => {
        child.exec(EMPTY);
        fixed(child, 0, 1);
        expect(child.load32(PLACE)).toBe(0);
        child.store32(PLACE, 77);
      });
      expect(task.load32(PLACE)).toBe(PLACE / PAGE);
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("that is refused leaves the old address space, and leaks nothing", () => {
    const machine = new DirectMachine({ kernel });
    const bad: readonly [Partial<ExecImage["segments"][number]>, string][] = [
      [{ start: 0x40_0001 }, "EINVAL"],
      [{ length: 0 }, "EINVAL"],
      [{ length: 5000 }, "EINVAL"],
      [{ start: 2 ** 47 }, "ENOMEM"],
    ];
    machine.run((task) => {
      fixed(task, 0, 1);
      task.store32(PLACE, 4);
      const [text, ...rest] = image(0).segments;
      for (const [change, code] of bad) {
        const segments = [...rest, { ...(text as (typeof rest)[0]), ...change }];
        expect(
          errnoOf(() => {
            task.exec({ ...EMPTY, segments });
          }),
        ).toBe(code);
        expect(task.load32(PLACE)).toBe(4);
      }
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });

  test("without memory is refused with ENOMEM, and the program goes on", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      fixed(task, 0, 1);
      task.store32(PLACE, 4);
      const giveBack = leaveFrames(machine.cpu, 0);
      const code = errnoOf(() => {
        task.exec(EMPTY);
      });
      giveBack();

      expect(code).toBe("ENOMEM");
      expect(task.load32(PLACE)).toBe(4);
      expect(getI32(machine.cpu, task.address + Task.mm)).toBe(mmOfTask(machine.cpu, task.address));
    });
    expect(machine.census()).toEqual(machine.bootCensus);
  });
});
