// Compiles a snippet of AssemblyScript that exports parts of the kernel, so that a test reaches what the
// kernel's own border does not show. Options are those of asconfig.json, and the same refusals: no data
// segment, no mutable global. Results are cached by the content of all sources that the snippet imports.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { compileSources } from "../support/asc.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const CACHE = join(ROOT, "node_modules/.cache/racier");
const ENTRY = "snippet.ts";
const PERCPU_BASE = 0x20000;

/** What to compile. */
export interface Snippet {
  /** AssemblyScript that stands at the top of the tree: it imports "./assembly/...". */
  readonly source: string;
  /** The target of asconfig.json whose CONFIG_* values hold. @defaultValue "2.6.9" */
  readonly target?: string;
  /** CONFIG_* values in place of those of the target. @defaultValue none */
  readonly use?: Readonly<Record<string, number>>;
  /** Sources in place of those in the tree, by path: "assembly/mm/slab.ts". */
  readonly instead?: Readonly<Record<string, string>>;
}

/** A running snippet: one CPU over a memory of its own. */
export interface Loaded<Exports> {
  readonly call: Exports;
  readonly memory: WebAssembly.Memory;
  /** The memory as words: the word at `address` is words[address / 4]. */
  readonly words: Uint32Array;
}

/** Compiles, or takes from the cache, and instantiates over 16 MiB of zeros. */
export async function load<Exports>(snippet: Snippet): Promise<Loaded<Exports>> {
  const module = await compileSnippet(snippet);
  const memory = new WebAssembly.Memory({ initial: 256, maximum: 65536, shared: true });
  const base = new WebAssembly.Global({ value: "i32", mutable: false }, PERCPU_BASE);
  const instance = await WebAssembly.instantiate(module, {
    env: { memory, abort: refuseAbort },
    arch: { percpu_base: base, clock: () => 0 },
  });
  const call = instance.exports as unknown as Exports;
  return { call, memory, words: new Uint32Array(memory.buffer) };
}

/** Compiles, or takes from the cache. The memory that an instance imports has at least 16 MiB. */
export async function compileSnippet(snippet: Snippet): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await binaryOf(snippet));
}

/** Number of an offset or a constant that a snippet exports as a global. */
export type Constant = WebAssembly.Global<"i32">;

function refuseAbort(): never {
  throw new Error("abort() was called: the kernel has no managed object that could");
}

async function binaryOf(snippet: Snippet): Promise<Buffer<ArrayBuffer>> {
  const config = configFor(read("asconfig.json"), snippet);
  const sources = sourcesOf(snippet);
  const path = join(CACHE, `${digest([config, snippet.target ?? "", ...sources.entries()])}.wasm`);
  if (existsSync(path)) return readFileSync(path);

  const wasm = await compile(snippet.target ?? "2.6.9", config, sources);
  mkdirSync(CACHE, { recursive: true });
  const own = `${path}.${process.pid}`;
  writeFileSync(own, wasm);
  renameSync(own, path);
  return readFileSync(path);
}

async function compile(
  target: string,
  config: string,
  sources: ReadonlyMap<string, string>,
): Promise<Uint8Array> {
  const wasm = await compileSources([ENTRY, "--target", target], config, sources);
  const problems = await problemsOf(wasm);
  if (problems.length > 0) throw new Error(`the snippet has ${problems.join("\n")}`);
  return wasm;
}

async function problemsOf(wasm: Uint8Array): Promise<string[]> {
  // @ts-expect-error The build scripts are plain JavaScript.
  const refusals = (await import("../../src/build/wasm.mjs")) as {
    problemsOf(wasm: Uint8Array): string[];
  };
  return refusals.problemsOf(wasm);
}

/** The kernel's options, without its entries, with memory for a snippet and its CONFIG_* values. */
function configFor(text: string | null, { target = "2.6.9", use = {} }: Snippet): string {
  const config = JSON.parse(text ?? "{}") as {
    options: object;
    targets: Record<string, { use: string[] } | undefined>;
  };
  const kept = (config.targets[target]?.use ?? []).filter(
    (word) => !Object.keys(use).includes(word.split("=")[0] ?? ""),
  );
  const given = Object.entries(use).map(([name, value]) => `${name}=${value}`);
  return JSON.stringify({
    ...config,
    targets: { ...config.targets, [target]: { use: [...kept, ...given] } },
    entries: [],
    options: { ...config.options, initialMemory: 256 },
  });
}

/** The snippet and all that it imports, by path. */
function sourcesOf(snippet: Snippet): Map<string, string> {
  const sources = new Map([[ENTRY, snippet.source]]);
  for (const [path, text] of sources) {
    for (const [, from, bare] of text.matchAll(/\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"/gm)) {
      const name = from ?? bare;
      if (name === undefined) continue;
      const imported = `${posix.join(dirname(path), name)}.ts`;
      const found = snippet.instead?.[imported] ?? read(imported);
      if (found !== null && !sources.has(imported)) sources.set(imported, found);
    }
  }
  return sources;
}

function read(path: string): string | null {
  const file = join(ROOT, path);
  return existsSync(file) ? readFileSync(file, "utf8") : null;
}

function digest(parts: unknown): string {
  const compiler = read("node_modules/assemblyscript/package.json");
  return createHash("sha256")
    .update(JSON.stringify([parts, compiler]))
    .digest("hex")
    .slice(0, 32);
}
