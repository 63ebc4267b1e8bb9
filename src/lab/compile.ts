// Compiles a lock together with an entry that uses it. The entry is AssemblyScript that imports the lock
// as "racier/subject" and may ask isDefined(lock.try_acquire) and the like; whoever uses locks writes one:
// the bench (racier locks), the explorer.

import { ConfigError } from "../kernel/error.ts";
import { loadAsc } from "./asc.ts";
import { cached } from "./cache.ts";
import { checkContract, readingOf, type AscFile, type Reading } from "./contract.ts";
import { LAB_MEMORY } from "./memory.ts";
import { readSource, type LockSource } from "./sources.ts";

/** How to compile. */
export interface LockBuild {
  /** Text of the entry. */
  readonly entry: string;
  /** "threads": one instance for each CPU, optimised. "explore": one for all, as it is written. */
  readonly engine: "threads" | "explore";
  /** CONFIG_CHECK: locks look for misuse. @defaultValue false */
  readonly checking?: boolean;
}

/** A lock that is compiled. */
export interface CompiledLock {
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** Functions of the contract that it has. */
  readonly has: ReadonlySet<string>;
  readonly reading: Reading;
}

/** The entry's name; in the folder of a user's lock there is no such file. */
const ENTRY = "racier-lock-entry.ts";

/**
 * Compiles a lock, or takes what the same text was compiled to before.
 * @throws ConfigError when it breaks the contract, does not compile, or there is no compiler
 */
export async function compileLock(source: LockSource, build: LockBuild): Promise<CompiledLock> {
  const options = optionsOf(build);
  const key = { compiler: "asc 0.28.20", options, entry: build.entry, module: source.module };
  const read = (file: string): string | null => readSource(source, { [ENTRY]: build.entry }, file);
  const { wasm, notes } = await cached(key, read, async (readFile) => {
    const compiled = await compile(source, options, readFile);
    return { wasm: compiled.wasm, notes: [...compiled.has] };
  });
  const has = new Set(notes);
  return { wasm, has, reading: readingOf(has) };
}

function optionsOf({ engine, checking = false }: LockBuild): string[] {
  const explored = engine === "explore" ? 1 : 0;
  const optimise = engine === "explore" ? "0" : "3";
  const use = {
    ...{ CONFIG_KERNEL: 20609, CONFIG_RMAP: 2, CONFIG_SPINLOCK: 1 },
    ...{ CONFIG_LOCK_STAT: 0, CONFIG_CHECK: checking ? 1 : 0, CONFIG_EXPLORED: explored },
  };
  return [
    ...[ENTRY, "--baseDir", "/", "--optimizeLevel", optimise, "--shrinkLevel", "0"],
    ...["--runtime", "stub", "--debug", "--enable", "threads", "--importMemory", "--sharedMemory"],
    ...["--noExportMemory", "--initialMemory", "20", "--maximumMemory", "65536"],
    ...["--bindings", "none", "--memoryBase", String(LAB_MEMORY.staticData)],
    ...["--config", "none.json", "--disableWarning", "201", "--outFile", "out.wasm"],
    ...Object.entries(use).flatMap(([name, value]) => ["--use", `${name}=${value}`]),
  ];
}

async function compile(
  source: LockSource,
  options: readonly string[],
  readFile: (file: string) => string | null,
): Promise<{ wasm: Uint8Array<ArrayBuffer>; has: ReadonlySet<string> }> {
  const asc = await loadAsc("to compile a lock");
  let wasm: Uint8Array | undefined;
  let has: ReadonlySet<string> | undefined;
  let broken: unknown;
  let messages = "";
  const look = (program: { filesByName: Map<string, AscFile> }): void => {
    const file = program.filesByName.get(source.module);
    try {
      if (file !== undefined) has = checkContract(file, source.name);
    } catch (error) {
      broken = error;
      throw error;
    }
  };
  const { error } = await asc.main([...options], {
    stderr: { write: (text: Uint8Array | string) => void (messages += text.toString()) },
    transforms: [{ afterInitialize: look }] as never,
    readFile,
    writeFile: (file, contents) => {
      if (file.endsWith(".wasm")) wasm = contents as Uint8Array;
    },
    listFiles: () => [],
  });
  if (broken instanceof ConfigError) throw broken;
  if (error !== null || wasm === undefined || has === undefined) {
    throw new ConfigError(`${source.name} does not compile:\n${messages.trim()}`);
  }
  return { wasm: new Uint8Array(wasm), has };
}
