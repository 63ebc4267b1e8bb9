// Machines of every size, from the smallest to those with more memory than there is.

import { describe, expect, test } from "vitest";
import {
  BOOT_PARAMS,
  BootParams,
  MEM_MAP,
  ZONE_TABLE,
  Zone,
} from "../../src/layout/structs.gen.ts";
import { getU32 } from "../../src/layout/view.ts";
import { ConfigError } from "../../src/kernel/error.ts";
import { machineConfig, type MachineOptions } from "../../src/machine/config.ts";
import { Machine } from "../../src/index.ts";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { PAGE, anonymous, inChild } from "../support/process.ts";

const PROGRAMS = new URL("../support/programs/machine.mjs", import.meta.url);

describe.each(KERNEL_NAMES)("%s", (kernel) => {
  test.each(["8M", "9M", "16M", "1023.9M", "1G", "3.9G"])(
    "a machine of %s boots and works",
    (memory) => {
      const machine = new DirectMachine({ kernel, memory });
      const pages = getU32(machine.cpu, BOOT_PARAMS + BootParams.max_mapnr);
      machine.run((task) => {
        const start = anonymous(task, 100);
        task.touch(start, 100 * PAGE);
        inChild(machine, task, (child) => {
          child.touch(start, 100 * PAGE);
        });
        expect(task.load32(start + 99 * PAGE)).toBe((start / PAGE + 99) >>> 0);
      });

      expect(machine.config.lowmemPages).toBe(pages);
      expect(machine.census()).toEqual(machine.bootCensus);
      const free = machine.bootCensus.zones[0]?.freePages ?? 0;
      const image = MEM_MAP / PAGE + pages / 64;
      expect(free).toBeGreaterThan(pages - image - 20);
    },
  );

  test("a machine of 64 GiB has frames without content, which read as zeros and are counted all the same", () => {
    const machine = new DirectMachine({ kernel, memory: "64G" });
    const { lowmemPages, highmemPages } = machine.config;
    expect(lowmemPages + highmemPages).toBe(2 ** 24);
    expect(getU32(machine.cpu, ZONE_TABLE + 0x180 + Zone.present_pages)).toBe(highmemPages);

    const seen = machine.run((task) => {
      const start = anonymous(task, 1000);
      task.touch(start, 1000 * PAGE);
      task.store32(start, 5);
      inChild(machine, task, (child) => {
        child.store32(start, 6);
        child.copy(start + PAGE, start, 100);
      });
      return [task.load32(start), task.load64(start + 8), task.usage().minorFaults];
    });

    expect(seen).toEqual([0, 0n, 1000]);
    expect(machine.census()).toEqual(machine.bootCensus);
  });
});

test("64 CPUs boot and each runs a program", async () => {
  await using machine = await Machine.boot({ cpus: 64, memory: "16M", checking: true });
  await machine.load({ module: PROGRAMS, programs: ["work", "workChild"] });

  const results = await machine.runOnAll("work", { args: [1000] });

  expect(results).toEqual(Array.from({ length: 64 }, (_, cpu) => [1000 + cpu, 7]));
});

describe("a machine is refused", () => {
  const cases: readonly (readonly [MachineOptions, string])[] = [
    [{ cpus: 0 }, "a machine has 1 to 64 CPUs, not 0"],
    [{ cpus: 65 }, "a machine has 1 to 64 CPUs, not 65"],
    [{ cpus: 1.5 }, "a machine has 1 to 64 CPUs, not 1.5"],
    [{ cpus: NaN }, "a machine has 1 to 64 CPUs, not NaN"],
    [{ memory: "7.9M" }, "at least 8M of memory"],
    [{ memory: 0 }, "at least 8M of memory"],
    [{ memory: -1 }, "at least 8M of memory"],
    [{ memory: NaN }, "at least 8M of memory"],
    [{ memory: "161G" }, "at most 160G of memory"],
    [{ memory: Infinity }, "at most 160G of memory"],
    [{ memory: "lots" }, 'memory "lots" is no size: write for example 256M, 1G or 64G'],
    [{ disk: "lots" }, 'disk "lots" is no size: write for example 256M, 1G or 64G'],
    [{ memory: "" }, 'memory "" is no size'],
    [{ memory: "-5M" }, 'memory "-5M" is no size'],
    [
      { kernel: "2.6.7" },
      'no kernel is called "2.6.7": choose one of 2.6.6, anonmm, 2.6.8, 2.6.9, mmn-v13, 2.6.27',
    ],
    [{ kernel: "constructor" }, 'no kernel is called "constructor"'],
  ];
  test.each(cases)("%o", async (options, message) => {
    expect(() => machineConfig(options)).toThrow(ConfigError);
    expect(() => machineConfig(options)).toThrow(message);
    await expect(Machine.boot(options)).rejects.toThrow(message);
  });

  test.each([
    ["8M", 2048],
    ["1.5GiB", 393_216],
    ["300000K", 75_000],
    [" 64 mb ", 16_384],
    [16 * 2 ** 20, 4096],
    [8 * 2 ** 20 + 5000, 2048],
  ])("not with memory %j: it has %i pages", (memory, pages) => {
    expect(machineConfig({ memory }).lowmemPages).toBe(pages - (pages % 16));
  });
});
