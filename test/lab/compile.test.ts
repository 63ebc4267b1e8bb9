// A lock file is compiled with whoever uses it, or refused in one sentence.

import { describe, expect, test } from "vitest";
import { LOCKS } from "../../src/lab/catalogue.ts";
import { compileLock, type CompiledLock } from "../../src/lab/compile.ts";
import { LAB_MEMORY, labImports } from "../../src/lab/memory.ts";
import { lockSource, textSource } from "../../src/lab/sources.ts";

const ENTRY = `import * as lock from "racier/subject";
export { PERCPU_AREAS, PERCPU_SIZE } from "racier/arch/percpu";
export const LOCK_BYTES: i32 = lock.LOCK_BYTES;
export const HAS_TRY: bool = isDefined(lock.try_acquire);
export function take(at: usize): void { lock.acquire(at, at + 64); }`;

const CONSTANTS = `
import { atomic_xchg, cpu_wait_while, smp_store_release } from "racier/lock";
export const LOCK_BYTES: i32 = 4;
export const NODE_BYTES: i32 = 0;
`;
const ACQUIRE = `export function acquire(lock: usize, node: usize): void {
  while (atomic_xchg<u32>(lock, 1) != 0) cpu_wait_while<u32>(lock, 1);
}
`;
const RELEASE = `export function release(lock: usize, node: usize): void {
  smp_store_release<u32>(lock, 0);
}
`;

const compileText = (text: string): Promise<CompiledLock> =>
  compileLock(textSource("/nowhere/my-lock.ts", text), { entry: ENTRY, engine: "threads" });

function instantiate({ wasm }: CompiledLock): {
  exports: Readonly<Record<string, WebAssembly.Global>> & { take: (at: number) => void };
  words: Uint32Array;
} {
  const memory = new WebAssembly.Memory({ initial: 20, maximum: 65_536, shared: true });
  const env = { memory, abort: () => undefined };
  const module = new WebAssembly.Module(wasm);
  const { exports } = new WebAssembly.Instance(module, { env, ...labImports(0) });
  return { exports: exports as never, words: new Uint32Array(memory.buffer) };
}

test("a user's lock takes its word, and says what it has", async () => {
  const lock = await compileText(CONSTANTS + ACQUIRE + RELEASE);
  const { exports, words } = instantiate(lock);

  exports.take(LAB_MEMORY.arena);

  expect(words[LAB_MEMORY.arena >>> 2]).toBe(1);
  expect(exports["LOCK_BYTES"]?.value).toBe(4);
  expect(exports["HAS_TRY"]?.value).toBe(0);
  expect([...lock.has].sort()).toEqual(["acquire", "release"]);
  expect(lock.reading).toBe("none");
});

test("the memory of the host and that of assembly/lab are one", async () => {
  const { exports } = instantiate(await compileText(CONSTANTS + ACQUIRE + RELEASE));

  expect(exports["PERCPU_AREAS"]?.value).toBe(LAB_MEMORY.percpu);
  expect(exports["PERCPU_SIZE"]?.value).toBe(LAB_MEMORY.percpuBytes);
});

test("what was compiled is not compiled again until a text changes", async () => {
  const text = CONSTANTS + ACQUIRE + RELEASE;
  const first = await compileText(text);

  expect((await compileText(text)).wasm).toBe(first.wasm);
  expect((await compileText(`${text}// changed\n`)).wasm).not.toBe(first.wasm);
});

describe("a lock file is refused", () => {
  test.each([
    ["without acquire", CONSTANTS + RELEASE, /exports no acquire.*acquire\(lock: usize, node/],
    ["without LOCK_BYTES", ACQUIRE, /exports no LOCK_BYTES.*const LOCK_BYTES: i32/],
    [
      "with another signature",
      CONSTANTS + ACQUIRE + RELEASE.replace(", node: usize", ""),
      /release has another signature than "export function release\(lock: usize, node: usize\)/,
    ],
    [
      "with half of a pair",
      `${CONSTANTS}${ACQUIRE}${RELEASE}export function read_begin(lock: usize): u32 { return 0; }`,
      /exports read_begin and no read_retry/,
    ],
    ["that does not compile", `${CONSTANTS}${ACQUIRE}${RELEASE}nonsense();`, /does not compile/],
  ])("%s", async (_, text, sentence) => {
    await expect(compileText(text)).rejects.toThrow(sentence);
  });

  test.each([
    ["nolock", /there is no lock "nolock": there are .*mcs/],
    ["./nowhere.ts", /there is no lock file .\/nowhere.ts: racier new lock/],
    ["./lock.js", /its name must end in .ts/],
  ])("%s, which is not there", (subject, sentence) => {
    expect(() => lockSource(subject)).toThrow(sentence);
  });
});

test.each(LOCKS)("$name compiles", async ({ name }) => {
  const build = { entry: ENTRY, engine: "threads", checking: true } as const;
  const { has } = await compileLock(lockSource(name), build);

  expect(has).toContain("acquire");
});
