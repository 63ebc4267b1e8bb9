// A process that has stopped its machines ends by itself: no worker keeps it alive. Each case is a node of its own.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const API = new URL("../../dist/index.js", import.meta.url).href;
const PROGRAMS = new URL("../support/programs/machine.mjs", import.meta.url).href;

/** Runs a script that has `Machine` and `load`; returns how it ended. */
function node(body: string): { status: number | null; stdout: string; stderr: string } {
  const script = `
    import { Machine } from ${JSON.stringify(API)};
    const boot = async (options) => {
      const machine = await Machine.boot({ memory: "8M", checking: true, ...options });
      const programs = ["work", "workChild", "loops", "breaksOn", "throws"];
      await machine.load({ module: ${JSON.stringify(PROGRAMS)}, programs });
      return machine;
    };
    ${body}`;
  const args = ["--input-type=module", "-e", script];
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd,
    encoding: "utf8",
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}

test.each([
  [
    "after work",
    `const m = await boot({ cpus: 2 });
     console.log(JSON.stringify(await m.runOnAll("work", { args: [5] })));
     await m.stop();`,
    "[[5,7],[6,7]]",
  ],
  [
    "after a program that loops was stopped with it",
    `const m = await boot({});
     const error = m.run("loops").catch((e) => e);
     await m.stop();
     console.log((await error).message);`,
    "the machine has been stopped",
  ],
  [
    "after a time-out, without stop",
    `const m = await boot({ cpus: 2 });
     console.log((await m.run("loops", { timeoutMs: 20 }).catch((e) => e)).name);`,
    "ConfigError",
  ],
  [
    "after the kernel broke, without stop",
    `const m = await boot({ cpus: 2 });
     const all = await Promise.allSettled([0, 1].map((cpu) => m.run("breaksOn", { cpu, args: [1] })));
     console.log(all.map((one) => one.reason.rule).join());`,
    "BUG_BAD_PTE,BUG_BAD_PTE",
  ],
  [
    "after a program threw, with await using in a function of its own",
    `async function main() {
       const m = await boot({});
       try { await m.run("throws", { args: [0] }); } finally { await m[Symbol.asyncDispose](); }
     }
     await main().catch((e) => console.log(e.message));`,
    "thrown on purpose",
  ],
  [
    "after a machine was refused",
    `await Machine.boot({ cpus: 99 }).catch((e) => console.log(e.name));`,
    "ConfigError",
  ],
])("%s", (_, body, output) => {
  expect(node(body)).toEqual({ status: 0, stdout: `${output}\n`, stderr: "" });
});

test("three machines one after the other leave no thread", () => {
  const { status, stdout } = node(`
    for (let i = 0; i < 3; i++) {
      const m = await boot({ cpus: 2 });
      await m.runOnAll("work", { args: [i] });
      await m.stop();
    }
    console.log(process.getActiveResourcesInfo().filter((name) => /Worker|MessagePort/.test(name)).length);
  `);
  expect({ status, stdout }).toEqual({ status: 0, stdout: "0\n" });
});
