// Programs as a user gives them: good ones, and those that throw, loop, break the kernel or do not exist.

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError, KernelBug, MachineSignal } from "../../src/kernel/error.ts";
import { Machine } from "../../src/index.ts";

const PROGRAMS = new URL("../support/programs/machine.mjs", import.meta.url);
const TYPED = new URL("../support/programs/typed.ts", import.meta.url);
const NAMES = [
  ..."work workChild breaksOn freesMapped swallows throws childThrows loops waitsForNobody".split(
    " ",
  ),
  ..."segfaults returns forksTo forksUnknown forksManyArgs deep endless shared sharedWithChild leavesChild exitsThread".split(
    " ",
  ),
];

/** A machine with all programs; the test stops it. */
async function machineWith(cpus: number, kernel = "2.6.9"): Promise<Machine> {
  const machine = await Machine.boot({ kernel, cpus, memory: "16M", checking: true });
  await machine.load({ module: PROGRAMS, programs: NAMES });
  return machine;
}

/** What a promise was rejected with. */
async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    (value) => {
      throw new Error(`it gave ${JSON.stringify(value)} instead`);
    },
    (error: unknown) => error as Error,
  );
}

describe("on a machine that goes on", () => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await machineWith(2);
  });
  afterAll(async () => {
    await machine.stop();
  });

  test("programs run on the CPU that was named, and on all", async () => {
    expect(await machine.run("work", { cpu: 1, args: [100] })).toEqual([101, 7]);
    const both = await machine.runOnAll("work", { args: [100] });
    expect(both).toEqual([
      [100, 7],
      [101, 7],
    ]);
  });

  test("jobs of one CPU run one after the other, in order", async () => {
    const jobs = [1, 2, 3, 4].map((n) => machine.run("work", { args: [n * 10] }));
    expect(await Promise.all(jobs)).toEqual([10, 20, 30, 40].map((word) => [word, 7]));
  });

  test.each([
    [0, undefined],
    [1, null],
    [2, 5],
    [3, { a: [1, 2] }],
    [4, new Map([[1, 2]])],
  ])("result %i comes back as it was", async (kind, value) => {
    expect(await machine.run("returns", { args: [kind] })).toEqual(value);
  });

  test("a result that cannot be posted is an error of the program, and the machine goes on", async () => {
    expect((await rejection(machine.run("returns", { args: [5] }))).message).toContain("clone");
    expect(await machine.run("returns", { args: [2] })).toBe(5);
  });

  test("an async program is refused: its process would be gone at its first await", async () => {
    const error = await rejection(machine.run("returns", { args: [6] }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain("programs are synchronous");
  });

  test("shared memory of the host is the same for the host and every CPU", async () => {
    const counter = new Int32Array(new SharedArrayBuffer(8));
    expect(await machine.runOnAll("shared", { shared: counter })).toEqual([2, 2]);
    expect(counter[0]).toBe(2);
  });

  test("a child on another CPU finds what its own job was given", async () => {
    const [first, second] = [0, 1].map(() => new Int32Array(new SharedArrayBuffer(8)));
    const jobs = [first, second].map((shared, cpu) =>
      machine.run("sharedWithChild", { cpu, shared }),
    );
    await Promise.all(jobs);
    expect([first?.[0], second?.[0]]).toEqual([2, 2]);
  });

  test("a child that starts after its job has ended finds what the job was given", async () => {
    const counter = new Int32Array(new SharedArrayBuffer(8));
    await machine.run("leavesChild", { shared: counter });
    for (let tries = 0; tries < 1000 && counter[0] === 0; tries++) {
      await machine.run("work", { args: [1] });
      await new Promise(setImmediate);
    }
    expect(counter[0]).toBe(1);
  });

  test.each([
    [0, "Error", "thrown on purpose"],
    [1, "Error", "the program threw a string"],
    [2, "Error", "the program threw undefined"],
    [3, "RangeError", "of a kind"],
    [4, "Error", "with a function"],
  ])("what a program throws, kind %i, reaches the host", async (kind, name, message) => {
    const error = await rejection(machine.run("throws", { args: [kind] }));

    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.message]).toEqual([name, message]);
    expect(await machine.run("work", { args: [1] })).toEqual([1, 7]);
  });

  test("a stack that overflows is an error of the program", async () => {
    const error = await rejection(machine.run("endless"));
    expect(error.name).toBe("RangeError");
    expect(await machine.run("work", { args: [1] })).toEqual([1, 7]);
  });

  test("a signal that nobody caught says which access it was", async () => {
    const error = await rejection(machine.run("segfaults"));
    expect(error).toBeInstanceOf(MachineSignal);
    expect(error).toMatchObject({ signal: "SIGSEGV", address: 16, access: "read" });
  });

  test("children may wait for children 100 deep", async () => {
    expect(await machine.run("deep", { args: [100] })).toBe(0);
  });

  test("a refused syscall says which and why", async () => {
    const error = await rejection(machine.run("waitsForNobody"));
    expect(error).toMatchObject({ name: "SyscallError", syscall: "wait", code: "ECHILD" });
  });

  test.each([
    ["forksTo", [2], "there is no CPU 2: this machine has 2"],
    ["forksTo", [0.5], "there is no CPU 0.5"],
    ["forksTo", [-1], "there is no CPU -1"],
    ["forksUnknown", [], 'this machine has no program "nobody": it has work, '],
    ["forksManyArgs", [], "a program takes at most 4 numbers, not 5"],
  ])("%s(%s) is refused in the program", async (name, args, message) => {
    const error = await rejection(machine.run(name, { args }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain(message);
  });

  test.each([
    ["nobody", {}, 'no program "nobody" is loaded: work, '],
    ["work", { cpu: 2 }, "there is no CPU 2: this machine has 2"],
    ["work", { cpu: 0.5 }, "there is no CPU 0.5"],
    ["work", { cpu: NaN }, "there is no CPU NaN"],
    ["work", { args: [1, 2, 3, 4, 5] }, "a program takes at most 4 numbers, not 5"],
  ])("run(%s, %o) is refused by the host", async (name, options, message) => {
    const error = await rejection(machine.run(name, options));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain(message);
  });

  test("a file that is not there, does not load, or lacks the export is refused in words", async () => {
    const load = (module: string | URL, programs?: string[]): Promise<Error> =>
      rejection(machine.load(programs === undefined ? { module } : { module, programs }));
    const broken = "data:text/javascript,export default (";

    const refusals = [
      await load("/no/such/file.mjs"),
      await load(broken),
      await load(PROGRAMS),
      await load(PROGRAMS, ["notAFunction"]),
      await load(new URL("data:text/javascript,export const a = 1"), ["a"]),
    ];

    expect(refusals.every((error) => error instanceof ConfigError)).toBe(true);
    expect(refusals.map(({ message }) => message)).toEqual([
      "there is no program file /no/such/file.mjs: check the path",
      expect.stringContaining("cannot be loaded: "),
      expect.stringContaining('does not export a function "default": it exports work, '),
      expect.stringContaining('does not export a function "notAFunction"'),
      expect.stringContaining('does not export a function "a": it exports no function'),
    ]);
    expect(await machine.run("work", { args: [1] })).toEqual([1, 7]);
  });

  test("a program in TypeScript is loaded on every CPU, by path too", async () => {
    await machine.load({ module: fileURLToPath(TYPED) });
    expect(await machine.runOnAll("default", { args: [9] })).toEqual([
      { cpu: 0, word: 9 },
      { cpu: 1, word: 9 },
    ]);
  });

  test("a name can be loaded again from its file, and not from another", async () => {
    await machine.load({ module: PROGRAMS, programs: ["work"] });
    const other = new URL("data:text/javascript,export function work() {}");
    const error = await rejection(machine.load({ module: other, programs: ["work"] }));
    expect(error.message).toContain('two programs are called "work"');
  });
});

test("modules that are loaded at the same time do not take each other's place", async () => {
  await using machine = await Machine.boot({ memory: "8M" });
  const module = (name: string): URL =>
    new URL(`data:text/javascript,export function ${name}() { return "${name}"; }`);
  const names = ["a", "b", "c"];
  await Promise.all(names.map((name) => machine.load({ module: module(name), programs: [name] })));

  expect(await Promise.all(names.map((name) => machine.run(name)))).toEqual(names);
});

describe("on a machine that ends", () => {
  test("a program that ends its thread is named as the cause", async () => {
    const machine = await machineWith(1);
    const error = await rejection(machine.run("exitsThread"));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain("use task.exit()");
    await machine.stop();
  });

  test.each(["2.6.8", "2.6.9"])(
    "%s: a rule that breaks on one CPU is told to all",
    async (kernel) => {
      await using machine = await machineWith(3, kernel);
      const results = await Promise.allSettled(
        [0, 1, 2].map((cpu) => machine.run("breaksOn", { cpu, args: [1] })),
      );
      const errors = results.map((result) => (result as PromiseRejectedResult).reason as KernelBug);

      for (const error of errors) {
        expect(error).toBeInstanceOf(KernelBug);
        expect(error).toMatchObject({ rule: "BUG_BAD_PTE", cpu: 1 });
        expect(error.message).toContain("object 0x1230, which held 42");
        expect(error.events.length).toBeGreaterThanOrEqual(3);
        expect(error.events.every((event) => /^CPU [0-2] {2}\w+ {2}address/.test(event))).toBe(
          true,
        );
      }
      expect(errors[0]?.events.join("\n")).toMatch(/CPU 1 {2}anon_page/);
      expect(() => {
        machine.check();
      }).toThrow(KernelBug);
      expect(await rejection(machine.run("work"))).toMatchObject({ rule: "BUG_BAD_PTE" });
    },
  );

  test("a frame that is freed while a process maps it is found out", async () => {
    await using machine = await machineWith(1);
    expect(await rejection(machine.run("freesMapped"))).toMatchObject({
      name: "KernelBug",
      rule: "BUG_MAPCOUNT_AT_FREE",
      cpu: 0,
    });
  });

  test("a program that swallows the trap does not save the machine", async () => {
    await using machine = await machineWith(1);
    const first = machine.run("swallows").catch((error: unknown) => error);
    await first;
    expect(await rejection(machine.run("work"))).toMatchObject({ rule: "BUG_BAD_PTE" });
  });

  test("what a child throws that no job stands for ends the machine, and is not lost", async () => {
    await using machine = await machineWith(1);
    const errors = [
      await rejection(machine.run("childThrows")),
      await rejection(machine.run("work")),
    ];
    expect(errors.map(({ message }) => message)).toEqual(Array(2).fill("thrown on purpose"));
  });

  test("a program that loops ends with its machine when its time is over", async () => {
    await using machine = await machineWith(2);
    const other = machine.run("loops", { cpu: 1 }).catch((error: unknown) => error as Error);
    const error = await rejection(machine.run("loops", { timeoutMs: 50 }));

    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain('"loops" has not ended after 50 ms');
    expect(await other).toBeInstanceOf(Error);
    expect((await rejection(machine.run("work"))).message).toContain("stopped");
  });

  test("stop in the middle of everything rejects what runs, and can be said twice", async () => {
    const machine = await machineWith(2);
    const running = [0, 1].map((cpu) => rejection(machine.run("loops", { cpu })));
    await machine.stop();
    await machine.stop();

    const messages = (await Promise.all(running)).map(({ message }) => message);
    expect(messages).toEqual(Array(2).fill("the machine has been stopped"));
  });
});
