// The software TLB and the walker: an entry lives until it is flushed, whatever the page tables say, and the walker alone
// sets A and D. PTEs are changed here behind the kernel's back, and put back before the process ends.

import { describe, expect, test } from "vitest";
import {
  ATTENTION_TLB,
  FLUSH_ALL,
  KERNEL_GLOBALS,
  PerCpu,
  SIGSEGV,
  TASK_SIZE,
  TLB_GENERATION_MAX,
  TLB_SETS,
  TLB_STATE_LAZY_FLUSH,
  TLB_STATE_OK,
  TlbFlush,
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
} from "../../src/layout/structs.gen.ts";
import { getU32, getU64, setI32, setU64 } from "../../src/layout/view.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { mmOfTask, pteAt, tlbSet } from "../support/inspect.ts";
import { PAGE, PLACE, anonymous, fixed, signalOf } from "../support/process.ts";

/** The PTE of an address: its words, and how to change them. */
function pteWords(machine: DirectMachine, task: ProgramTask, address: number) {
  const { cpu } = machine;
  const at = pteAt(cpu, mmOfTask(cpu, task.address), address);
  const [low, high] = [getU32(cpu, at), getU32(cpu, at + 4)];
  return {
    bits: (): number => getU32(cpu, at) & 0xfff,
    clear: (): void => {
      setI32(cpu, at, 0);
      setI32(cpu, at + 4, 0);
    },
    clearBits: (mask: number): void => {
      setI32(cpu, at, getU32(cpu, at) & ~mask);
    },
    restore: (): void => {
      setI32(cpu, at, low);
      setI32(cpu, at + 4, high);
    },
  };
}

const counter = (machine: DirectMachine, name: "tlb_misses" | "tlb_flushes"): number =>
  getU32(machine.cpu, machine.cpu.area + PerCpu[name]);

/** Walks that a body takes. */
function missesOf(machine: DirectMachine, body: () => void): number {
  const before = counter(machine, "tlb_misses");
  body();
  return counter(machine, "tlb_misses") - before;
}

describe.each(KERNEL_NAMES)("%s: an entry", (kernel) => {
  test("is used although its PTE is gone, and is not after a flush", () => {
    const machine = new DirectMachine({ kernel });
    const seen = machine.run((task) => {
      const address = anonymous(task, 1);
      task.store32(address, 42);
      const pte = pteWords(machine, task, address);

      pte.clear();
      const stale = task.load32(address);
      task.store32(address, 43);
      machine.cpu.k.local_flush_tlb();
      const fresh = task.load32(address);

      pte.restore();
      machine.cpu.k.local_flush_tlb();
      return { stale, fresh, after: task.load32(address) };
    });

    expect(seen).toEqual({ stale: 42, fresh: 0, after: 43 });
  });

  test("stays with three others of its set, and goes when a fifth comes and its turn has come", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, TLB_SETS * 5);
      const pages = [0, 1, 2, 3, 4].map((i) => start + i * TLB_SETS * PAGE);
      for (const page of pages) task.store32(page, 1);
      machine.cpu.k.local_flush_tlb();
      const load = (addresses: readonly number[]) => () => {
        for (const address of addresses) task.load32(address);
      };

      expect(missesOf(machine, load(pages.slice(0, 4)))).toBe(4);
      expect(missesOf(machine, load(pages.slice(0, 4)))).toBe(0);
      expect(missesOf(machine, load(pages.slice(4)))).toBe(1);
      expect(missesOf(machine, load(pages.slice(4)))).toBe(0);
      expect(missesOf(machine, load(pages.slice(0, 4)))).toBeGreaterThan(0);
    });
  });

  test("of a neighbouring page lies in another set", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const start = anonymous(task, TLB_SETS);
      task.touch(start, TLB_SETS * PAGE);
      machine.cpu.k.local_flush_tlb();
      const all = (): void => {
        task.touch(start, TLB_SETS * PAGE, "read");
      };

      expect(missesOf(machine, all)).toBe(TLB_SETS);
      expect(missesOf(machine, all)).toBe(0);
    });
  });

  test("does not come back to life when the generations begin anew", () => {
    const machine = new DirectMachine({ kernel });
    const value = machine.run((task) => {
      const { cpu } = machine;
      const address = anonymous(task, 1);
      task.store32(address, 42);
      const generation = cpu.area + PerCpu.tlb_generation;
      setI32(cpu, generation, 1);
      task.load32(address);
      const pte = pteWords(machine, task, address);
      pte.clear();
      setI32(cpu, generation, TLB_GENERATION_MAX);

      cpu.k.local_flush_tlb();
      const after = getU32(cpu, generation);
      const fresh = task.load32(address);

      pte.restore();
      cpu.k.local_flush_tlb();
      return { after, fresh };
    });

    expect(value).toEqual({ after: 1, fresh: 0 });
  });

  test("is never stale after a flush, through two rounds of generations", () => {
    const machine = new DirectMachine({ kernel });
    const wrong = machine.run((task) => {
      const address = anonymous(task, 1);
      task.store32(address, 42);
      const pte = pteWords(machine, task, address);
      let bad = 0;
      for (let i = 0; i < 2 * TLB_GENERATION_MAX + 10; i++) {
        if (i % 2 === 0) pte.clear();
        else pte.restore();
        machine.cpu.k.local_flush_tlb();
        if (task.load32(address) !== (i % 2 === 0 ? 0 : 42)) bad++;
      }
      pte.restore();
      machine.cpu.k.local_flush_tlb();
      return bad;
    });

    expect(wrong).toBe(0);
  });

  test("for reading is replaced, not doubled, when the page is written", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const address = anonymous(task, 1);
      task.store32(address, 1);
      pteWords(machine, task, address).clearBits(_PAGE_DIRTY);
      machine.cpu.k.local_flush_tlb();
      task.load32(address);
      task.store32(address, 5);

      const tags = tlbSet(machine.cpu.area, address).map((at) => getU64(machine.cpu, at));
      const generation = getU32(machine.cpu, machine.cpu.area + PerCpu.tlb_generation);
      expect(tags.filter((tag) => tag === address + generation)).toHaveLength(1);
      expect(task.load32(address)).toBe(5);
    });
  });

  test("does not answer for an address that differs only beyond the reach of the tables", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const address = fixed(task, 0, 1);
      task.store32(address, 77);

      for (const beyond of [2 ** 48, 2 ** 49, 2 ** 51, 2 ** 52]) {
        const got = signalOf(() => task.load32(address + beyond));
        expect(got).toBe(`SIGSEGV read 0x${(address + beyond).toString(16)}`);
      }
      expect(signalOf(() => task.load32(TASK_SIZE))).toContain("SIGSEGV");
      expect(signalOf(() => task.load32(-4096))).toContain("SIGSEGV");
    });
  });
});

describe.each(KERNEL_NAMES)("%s: the walker", (kernel) => {
  test("sets A when a page is read and D when it is written, and not before", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const address = anonymous(task, 1);
      task.store32(address, 1);
      const pte = pteWords(machine, task, address);
      const marks = (): number => pte.bits() & (_PAGE_ACCESSED | _PAGE_DIRTY);
      pte.clearBits(_PAGE_ACCESSED | _PAGE_DIRTY);
      machine.cpu.k.local_flush_tlb();

      expect(marks()).toBe(0);
      task.load32(address);
      expect(marks()).toBe(_PAGE_ACCESSED);
      task.store32(address, 2);
      expect(marks()).toBe(_PAGE_ACCESSED | _PAGE_DIRTY);
    });
  });

  test("is not asked again by an entry that has D, nor by one that has A for a read", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const address = anonymous(task, 1);
      task.store32(address, 1);
      const pte = pteWords(machine, task, address);
      pte.clearBits(_PAGE_ACCESSED | _PAGE_DIRTY);

      task.store32(address, 2);
      task.load32(address);
      expect(pte.bits() & (_PAGE_ACCESSED | _PAGE_DIRTY)).toBe(0);

      machine.cpu.k.local_flush_tlb();
      task.store32(address, 3);
      expect(pte.bits() & _PAGE_DIRTY).toBe(_PAGE_DIRTY);
    });
  });

  test("reaches the last page of user memory and nothing behind it", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const last = task.mmap({
        length: PAGE,
        read: true,
        write: true,
        hint: TASK_SIZE - PAGE,
        fixed: true,
      });
      task.store32(last + 4092, 9);

      expect(task.load32(TASK_SIZE - 4)).toBe(9);
      expect(signalOf(() => task.load8(TASK_SIZE))).toBe(
        `SIGSEGV read 0x${TASK_SIZE.toString(16)}`,
      );
      expect(
        signalOf(() => {
          task.touch(last, 2 * PAGE);
        }),
      ).toContain("SIGSEGV write");
    });
  });

  test("raises SIGBUS for an access that is not aligned, without a page fault", () => {
    const machine = new DirectMachine({ kernel });
    machine.run((task) => {
      const address = anonymous(task, 1);
      const refused = [
        () => task.load16(address + 1),
        () => task.load32(address + 2),
        () => task.load64(address + 4),
        () => {
          task.store16(address + 1, 1);
        },
        () => {
          task.store32(address + 1, 1);
        },
        () => {
          task.store64(address + 4, 1n);
        },
      ].map((access) => signalOf(access).split(" ")[0]);

      expect(refused).toEqual(Array(6).fill("SIGBUS"));
      expect(task.usage().minorFaults).toBe(0);
      task.store8(address + 1, 0x55);
      expect(task.load32(address)).toBe(0x5500);
    });
  });
});

describe.each(KERNEL_NAMES)("%s: another CPU", (kernel) => {
  /** CPU 1 has loaded a page that CPU 0 has written, in the same address space. */
  function shared(body: (m: DirectMachine, t: ProgramTask, a: number, other: Other) => void): void {
    const machine = new DirectMachine({ kernel, cpus: 2 });
    const other = machine.instantiate(1);
    machine.run((task) => {
      const address = fixed(task, 0, 2);
      task.touch(address, 2 * PAGE);
      other.k.leave_lazy();
      other.k.switch_to(task.address);
      other.k.user_load32(address);
      other.k.user_load32(address + PAGE);

      body(machine, task, address, other);

      other.k.enter_rest();
      other.k.switch_to(0);
    });
    other.k.leave_lazy();
    other.k.drop_lazy_mm();
    other.k.enter_rest();
    expect(machine.census()).toEqual(machine.bootCensus);
  }
  type Other = ReturnType<DirectMachine["instantiate"]>;
  const signalOn = (other: Other, address: number): number => {
    other.k.user_load32(address);
    return other.k.take_fault_signal();
  };

  test("that is lazy is not waited for, and flushes before it goes on", () => {
    shared((machine, task, address, other) => {
      const state = other.area + PerCpu.tlb_state;
      other.k.enter_rest();

      task.munmap(address, PAGE);

      expect(getU32(machine.cpu, state)).toBe(TLB_STATE_LAZY_FLUSH);
      other.k.leave_lazy();
      expect(getU32(machine.cpu, state)).toBe(TLB_STATE_OK);
      expect(signalOn(other, address)).toBe(SIGSEGV);
      expect(signalOn(other, address + PAGE)).toBe(0);
    });
  });

  test("drops one page when an interrupt says so, and answers", () => {
    shared((machine, task, address, other) => {
      const { cpu } = machine;
      const pte = pteWords(machine, task, address);
      const next = pteWords(machine, task, address + PAGE);
      const flushes = getU32(cpu, other.area + PerCpu.tlb_flushes);
      pte.clear();
      next.clear();
      setU64(cpu, KERNEL_GLOBALS + TlbFlush.flush_va, address);
      setI32(cpu, KERNEL_GLOBALS + TlbFlush.flush_mm, mmOfTask(cpu, task.address));
      setU64(cpu, KERNEL_GLOBALS + TlbFlush.flush_cpumask, 2);
      setI32(cpu, other.area + PerCpu.attention, ATTENTION_TLB);

      other.k.take_interrupts();

      expect(getU64(cpu, KERNEL_GLOBALS + TlbFlush.flush_cpumask)).toBe(0);
      expect(getU32(cpu, other.area + PerCpu.attention)).toBe(0);
      expect(getU32(cpu, other.area + PerCpu.tlb_flushes)).toBe(flushes);
      expect(other.k.user_load32(address)).toBe(0);
      expect(other.k.user_load32(address + PAGE)).toBe((PLACE + PAGE) / PAGE);
      pte.restore();
      next.restore();
      cpu.k.local_flush_tlb();
      other.k.local_flush_tlb();
    });
  });

  test("drops everything when an interrupt says so, but not for an mm that it does not use", () => {
    shared((machine, task, _address, other) => {
      const { cpu } = machine;
      const flushes = (): number => getU32(cpu, other.area + PerCpu.tlb_flushes);
      const interrupt = (mm: number): void => {
        const all = KERNEL_GLOBALS + TlbFlush.flush_va;
        setI32(cpu, all, Number(FLUSH_ALL & 0xffffffffn));
        setI32(cpu, all + 4, Number(FLUSH_ALL >> 32n));
        setI32(cpu, KERNEL_GLOBALS + TlbFlush.flush_mm, mm);
        setU64(cpu, KERNEL_GLOBALS + TlbFlush.flush_cpumask, 2);
        setI32(cpu, other.area + PerCpu.attention, ATTENTION_TLB);
        other.k.take_interrupts();
        expect(getU64(cpu, KERNEL_GLOBALS + TlbFlush.flush_cpumask)).toBe(0);
      };
      const before = flushes();

      interrupt(12_345_680);
      expect(flushes()).toBe(before);
      interrupt(mmOfTask(cpu, task.address));
      expect(flushes()).toBe(before + 1);
    });
  });
});
