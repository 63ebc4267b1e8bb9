// The slab allocator from outside: objects, their constructed state, what the checking builds find out, frames that return.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ARRAY_CACHE_SIZE,
  ARRAY_CACHE_SLOTS,
  AnonVma,
  ArrayCache,
  CACHE_ANON_VMA,
  CACHE_INODE,
  CACHE_RADIX_NODE,
  CACHE_TASK,
  CACHE_VM_AREA,
  CTOR_NONE,
  GFP_KERNEL,
  KmemCache,
  NR_CACHES,
  PERCPU_ARRAY_CACHES,
} from "../../src/layout/structs.gen.ts";
import { getI32, getU32, setI32 } from "../../src/layout/view.ts";
import { CACHE_NAMES, cacheAt } from "../support/census.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { leaveFrames } from "../support/hoard.ts";

fc.configureGlobal({ seed: 0x5eed0013, numRuns: 60 });

const field = (machine: DirectMachine, cache: number, name: keyof typeof KmemCache): number =>
  getU32(machine.cpu, cacheAt(cache) + KmemCache[name]);
const arrayField = (machine: DirectMachine, cache: number, name: keyof typeof ArrayCache): number =>
  getU32(
    machine.cpu,
    machine.cpu.area + PERCPU_ARRAY_CACHES + cache * ARRAY_CACHE_SIZE + ArrayCache[name],
  );
const caches = CACHE_NAMES.map((name, id) => ({ name, id }));

/** Fills an object with content of its user, or leaves it constructed. */
function use(machine: DirectMachine, cache: number, object: number): void {
  if (field(machine, cache, "ctor") !== CTOR_NONE) return;
  machine.cpu.u8.fill(
    object & 0xff,
    object >>> 0,
    (object >>> 0) + field(machine, cache, "object_size"),
  );
}

interface Step {
  readonly cache: number;
  /** Objects to take, or if negative to give back. */
  readonly count: number;
  readonly which: number;
}
const steps = fc.array(
  fc.record({
    cache: fc.nat({ max: NR_CACHES - 1 }),
    count: fc.integer({ min: -90, max: 100 }),
    which: fc.nat(),
  }),
  { maxLength: 30, size: "max" },
);

describe.each(KERNEL_NAMES)("%s", (kernel) => {
  test("objects of all caches never overlap, and their frames return", () => {
    const machine = new DirectMachine({ kernel });
    const { k } = machine.cpu;

    const run = (sequence: readonly Step[]): void => {
      const live = new Map<number, { object: number; cache: number }>();
      for (const { cache, count, which } of sequence) {
        const size = field(machine, cache, "object_size");
        for (let i = 0; i < count; i++) {
          const object = k.kmem_cache_alloc(cache);
          expect(object % 16).toBe(0);
          for (let at = object; at < object + size; at += 16) {
            if (live.has(at)) throw new Error(`${object} lies in ${live.get(at)?.object ?? 0}`);
            live.set(at, { object, cache });
          }
          use(machine, cache, object);
        }
        const mine = [...new Set([...live.values()])]
          .filter((one) => one.cache === cache)
          .map((one) => one.object);
        const unique = [...new Set(mine)];
        for (let i = 0; i < Math.min(-count, unique.length); i++) {
          const [object] = unique.splice(which % unique.length, 1) as [number];
          for (let at = object; at < object + size; at += 16) live.delete(at);
          k.kmem_cache_free(cache, object);
        }
      }
      const rest = new Map([...live.values()].map((one) => [one.object, one.cache]));
      for (const [object, cache] of rest) k.kmem_cache_free(cache, object);
      expect(machine.census()).toEqual(machine.bootCensus);
    };

    fc.assert(fc.property(steps, run));
  });

  test.each(caches)("a cache of $name counts what it hands out and takes back", ({ id }) => {
    const machine = new DirectMachine({ kernel });
    const { k } = machine.cpu;
    const before = arrayField(machine, id, "allocs") - arrayField(machine, id, "frees");

    const objects = Array.from({ length: 150 }, () => k.kmem_cache_alloc(id));
    const slabs = field(machine, id, "nr_slabs");
    for (const object of objects.slice(50)) k.kmem_cache_free(id, object);

    const after = arrayField(machine, id, "allocs") - arrayField(machine, id, "frees");
    expect(after - before).toBe(50);
    expect(slabs).toBeGreaterThanOrEqual(Math.ceil(150 / field(machine, id, "num")));
    expect(arrayField(machine, id, "avail")).toBeLessThanOrEqual(ARRAY_CACHE_SLOTS);
  });

  test("slabs that got empty go back by themselves when there are many", () => {
    const machine = new DirectMachine({ kernel });
    const { k } = machine.cpu;
    const objects = Array.from({ length: 1000 }, () => k.kmem_cache_alloc(CACHE_TASK));
    const most = field(machine, CACHE_TASK, "nr_slabs");

    for (const object of objects) k.kmem_cache_free(CACHE_TASK, object);

    expect(field(machine, CACHE_TASK, "reaped")).toBeGreaterThan(0);
    expect(field(machine, CACHE_TASK, "nr_slabs")).toBeLessThan(most / 4);
  });

  test("an anon_vma comes unlocked with an empty list, new or used before", () => {
    const machine = new DirectMachine({ kernel });
    const { k } = machine.cpu;

    for (let round = 0; round < 3; round++) {
      const objects = Array.from({ length: 300 }, () => k.kmem_cache_alloc(CACHE_ANON_VMA));
      for (const object of objects) {
        expect(getI32(machine.cpu, object + AnonVma.lock)).toBe(0);
        expect(getI32(machine.cpu, object + AnonVma.head_next)).toBe(object + AnonVma.head_next);
        expect(getI32(machine.cpu, object + AnonVma.head_prev)).toBe(object + AnonVma.head_next);
        setI32(machine.cpu, object + AnonVma.lock, 1);
        setI32(machine.cpu, object + AnonVma.lock, 0);
      }
      for (const object of objects) k.kmem_cache_free(CACHE_ANON_VMA, object);
    }
  });

  test("each CPU has free objects of its own", () => {
    const machine = new DirectMachine({ kernel, cpus: 2 });
    const other = machine.instantiate(1);
    const object = machine.cpu.k.kmem_cache_alloc(CACHE_VM_AREA);
    machine.cpu.k.kmem_cache_free(CACHE_VM_AREA, object);

    const theirs = Array.from({ length: 30 }, () => other.k.kmem_cache_alloc(CACHE_VM_AREA));

    expect(theirs).not.toContain(object);
    expect(machine.cpu.k.kmem_cache_alloc(CACHE_VM_AREA)).toBe(object);
  });

  test("no frame, no object, and nothing changes", () => {
    const machine = new DirectMachine({ kernel });
    const giveBack = leaveFrames(machine.cpu, 0);

    const objects = caches.map(({ id }) => machine.cpu.k.kmem_cache_alloc(id));
    giveBack();

    expect(objects).toEqual(caches.map(() => 0));
    expect(machine.census()).toEqual(machine.bootCensus);
  });
});

describe.each(KERNEL_NAMES)("%s stops the machine", (kernel) => {
  test.each(caches)("when an object of $name is freed twice", ({ id }) => {
    const machine = new DirectMachine({ kernel });
    const { k } = machine.cpu;
    const object = k.kmem_cache_alloc(id);
    k.kmem_cache_free(id, object);

    const { rule } = machine.bugOf(() => {
      k.kmem_cache_free(id, object);
    });
    expect(rule).toBe("BUG_SLAB_DOUBLE_FREE");
  });

  test("when a freed object is freed again after it went back to its slab", () => {
    const machine = new DirectMachine({ kernel });
    const { k } = machine.cpu;
    const keep = k.kmem_cache_alloc(CACHE_INODE);
    const object = k.kmem_cache_alloc(CACHE_INODE);
    k.kmem_cache_free(CACHE_INODE, object);
    k.kmem_cache_reap_all();

    expect(keep).not.toBe(0);
    const { rule } = machine.bugOf(() => {
      k.kmem_cache_free(CACHE_INODE, object);
    });
    expect(rule).toBe("BUG_SLAB_DOUBLE_FREE");
  });

  test("when an object is written to after it was freed, at the byte that shows it", () => {
    const machine = new DirectMachine({ kernel });
    const { k, u8 } = machine.cpu;
    const object = k.kmem_cache_alloc(CACHE_VM_AREA);
    k.kmem_cache_free(CACHE_VM_AREA, object);
    u8[object + 77] = 0;

    const { rule, message } = machine.bugOf(() => k.kmem_cache_alloc(CACHE_VM_AREA));

    expect(rule).toBe("BUG_SLAB_POISON");
    expect(message).toContain(`object 0x${object.toString(16)}, which held 77`);
  });

  test("when an object with a constructor comes back in another state", () => {
    const cases = [
      [CACHE_ANON_VMA, AnonVma.lock, "BUG_NOT_CONSTRUCTED"],
      [CACHE_ANON_VMA, AnonVma.head_next, "BUG_NOT_CONSTRUCTED"],
      [CACHE_RADIX_NODE, 260, "BUG_SLAB_POISON"],
    ] as const;
    for (const [cache, offset, expected] of cases) {
      // In a type-safe cache somebody who is late may hold the lock of an object that is freed.
      if (offset === AnonVma.lock && kernel === "2.6.9") continue;
      const machine = new DirectMachine({ kernel });
      const { k } = machine.cpu;
      const object = k.kmem_cache_alloc(cache);
      setI32(machine.cpu, object + offset, 1);

      const { rule } = machine.bugOf(() => {
        k.kmem_cache_free(cache, object);
      });
      expect(rule).toBe(expected);
    }
  });

  test("when an object is given to another cache, or was none, or begins elsewhere", () => {
    const frame = (machine: DirectMachine): number => {
      const page = machine.cpu.k.alloc_pages(GFP_KERNEL, 0);
      return ((page - 0x220000) / 64) * 4096;
    };
    const object = (machine: DirectMachine): number => machine.cpu.k.kmem_cache_alloc(CACHE_TASK);
    const wrong: ((machine: DirectMachine) => [cache: number, address: number])[] = [
      (machine) => [CACHE_INODE, object(machine)],
      (machine) => [CACHE_TASK, frame(machine)],
      (machine) => [CACHE_TASK, frame(machine) + 64],
      (machine) => [CACHE_TASK, object(machine) + 16],
      (machine) => [CACHE_TASK, object(machine) - 1],
    ];
    for (const make of wrong) {
      const machine = new DirectMachine({ kernel });
      const [cache, address] = make(machine);

      const { rule } = machine.bugOf(() => {
        machine.cpu.k.kmem_cache_free(cache, address);
      });
      expect(rule).toBe("BUG_SLAB_FOREIGN_OBJECT");
    }
  });
});
