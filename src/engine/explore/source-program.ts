// A program of a user, in one AssemblyScript file: exports `setup`, `cpu0`, `cpu1`, ..., and `check`.
// Compiled and instrumented on the fly; a loom for AssemblyScript.
//
// setup() runs once, before the first execution; cpuN() are explored; check() runs when all of them
// have ended and says by `false` (or a failed assert) that something is wrong. One instance serves all
// CPUs: variables of the module are shared by them, and lie in memory. Compiled without optimisation, so
// that the accesses are those of the source.
// Left out: managed objects that are collected (the runtime is "stub"), imports but for abort and trace.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { ConfigError } from "../../kernel/error.ts";
import { loadAsc, missingCompiler, type Asc } from "../../lab/asc.ts";
import { compileLock } from "../../lab/compile.ts";
import { exploredEntry } from "../../lab/explored.ts";
import { LAB_MEMORY } from "../../lab/memory.ts";
import type { LockSource } from "../../lab/sources.ts";
import type { Failure, Subject } from "./exploration.ts";
import type { Site, Variable } from "./instrument.ts";
import { MAX_CPUS, createRuntime, type Runtime } from "./runtime.ts";

/** Memory of a program: static data, variables, then what it allocates. */
const PROGRAM_BYTES = 2 ** 21;
/** Static data comes before this. */
const VARIABLES_AT = 2 ** 16;
/** Objects that a program allocates come after its variables. */
const HEAP_AT = 2 ** 17;

/** More events than this are a livelock. */
const MAX_EVENTS_OF_PROGRAM = 20_000;

/** A program that is compiled and instrumented. */
export interface CompiledProgram {
  readonly path: string;
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly sites: readonly Site[];
  readonly variables: readonly Variable[];
  /** It uses a lock of the lab: src/lab/explored.ts knows what its memory holds. */
  readonly isLock?: true;
}

/** An assert of the program that did not hold. */
export class AssertionFailure extends Error {
  override readonly name = "AssertionFailure";
}

/**
 * Compiles a file.
 * @throws ConfigError with what the compiler printed, or when the file does not exist or has another name
 */
export async function compileProgram(path: string): Promise<CompiledProgram> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new ConfigError(`there is no program file ${path}: give an AssemblyScript file`);
  }
  if (!path.endsWith(".ts")) {
    throw new ConfigError(`${path} is no AssemblyScript file: its name must end in .ts`);
  }
  return compileSource(path, text);
}

/** Compiles a program whose text is known; what it imports is looked for beside `path`. Throws ConfigError. */
export async function compileSource(path: string, text: string): Promise<CompiledProgram> {
  const { asc, instrument } = await loadCompiler();
  const name = resolve(path).split("/").at(-1);
  const folder = resolve(path, "..");
  let wasm: Uint8Array | undefined;
  const options = [
    ...[name, "--baseDir", folder, "--optimizeLevel", "0", "--runtime", "stub", "--debug"],
    ...["--enable", "threads", "--importMemory", "--sharedMemory", "--noExportMemory"],
    ...["--initialMemory", "16", "--maximumMemory", "65536", "--bindings", "none"],
    ...["--memoryBase", "1024", "--config", "none.json", "--outFile", "out.wasm"],
  ];
  let messages = "";
  const stderr = { write: (text: Uint8Array | string) => void (messages += text.toString()) };
  const { error } = await asc.main(options, {
    stderr,
    readFile: (file) => {
      if (file === name) return text;
      try {
        return readFileSync(resolve(folder, file), "utf8");
      } catch {
        return null;
      }
    },
    writeFile: (file, contents) => {
      if (file.endsWith(".wasm")) wasm = contents as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error !== null || wasm === undefined) {
    throw new ConfigError(`${path} does not compile:\n${messages.trim()}`);
  }
  return instrumented(path, wasm, instrument);
}

/**
 * Compiles a lock with a program that uses it.
 * @param entry the program. @defaultValue that of src/lab/explored.ts
 * @throws ConfigError when that cannot be
 */
export async function compileLockProgram(
  lock: LockSource,
  cpus: number,
  entry: string = exploredEntry(cpus, lock.entry?.promises.sleeps === true),
): Promise<CompiledProgram> {
  const { instrument } = await loadCompiler();
  const build = { entry, engine: "explore", checking: true } as const;
  const { wasm } = await compileLock(lock, build);
  return { ...instrumented(lock.subject, wasm, instrument), isLock: true };
}

function instrumented(
  path: string,
  wasm: Uint8Array,
  instrument: Compiler["instrument"],
): CompiledProgram {
  const { sites, variables, ...made } = instrument(wasm, { variablesAt: VARIABLES_AT });
  return { path, wasm: new Uint8Array(made.wasm), sites, variables };
}

/** The compiler is no dependency: most of racier does without. Throws ConfigError when it is not there. */
async function loadCompiler(): Promise<Compiler> {
  const purpose = "to explore a file";
  const asc = await loadAsc(purpose);
  try {
    const { instrument } = await import("./instrument.ts");
    return { asc, instrument };
  } catch (error) {
    throw missingCompiler(error, purpose);
  }
}

interface Compiler {
  readonly asc: Asc;
  readonly instrument: typeof import("./instrument.ts").instrument;
}

type ProgramExports = Readonly<Record<string, (() => unknown) | undefined>>;

/** A compiled program over a runtime of its own, ready to be explored. */
export class SourceProgram implements Subject {
  readonly cpus: number;
  readonly runtime: Runtime;
  readonly #exports: ProgramExports;
  readonly #programs: readonly (() => unknown)[];
  /** Where the area of the CPU lies whose turn it is: for locks of the lab. */
  readonly #area = new WebAssembly.Global({ value: "i32", mutable: true }, LAB_MEMORY.percpu);

  /** @throws ConfigError when the program lacks what it must export, or imports what there is not */
  constructor(program: CompiledProgram) {
    const { path, variables } = program;
    this.runtime = createRuntime(PROGRAM_BYTES);
    const { imports, words, wide } = this.runtime;
    const module = new WebAssembly.Module(program.wasm);
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      if (from === "explore" || (from === "env" && KNOWN.includes(name))) continue;
      throw new ConfigError(`${path} imports ${from}.${name}, which the explorer does not have`);
    }
    const text = (address: number): string => readText(words, address);
    const env = {
      ...imports["env"],
      abort: (message: number, file: number, line: number): never => {
        const what = message === 0 ? "an assert failed" : text(message);
        throw new AssertionFailure(`${what} (${file === 0 ? path : text(file)}:${line})`);
      },
      trace: () => undefined,
    };
    const explore = { ...imports["explore"], percpu_base: this.#area };
    this.#exports = new WebAssembly.Instance(module, { ...imports, explore, env })
      .exports as unknown as ProgramExports;
    this.#programs = programsOf(this.#exports);
    this.cpus = this.#programs.length;
    if (this.cpus === 0 || this.cpus > MAX_CPUS) {
      const found = Object.keys(this.#exports).join(", ");
      const wayOut = `export cpu0 to cpu${MAX_CPUS - 1}, as many as there are CPUs`;
      throw new ConfigError(`${path} has ${this.cpus} programs: ${wayOut} (it exports ${found})`);
    }
    for (const { address, bytes, initial, name } of variables) {
      // Allocated objects must not lie on the variables.
      const start = name === "~lib/rt/stub/offset" ? BigInt(HEAP_AT) : initial;
      if (bytes === 8) wide[address >>> 3] = start;
      else words[address >>> 2] = Number(start & 0xffff_ffffn);
    }
    this.record(false);
    this.#exports["setup"]?.();
  }

  /** Whether values are written down with the events. */
  record(on: boolean): void {
    this.runtime.calls.configure(MAX_EVENTS_OF_PROGRAM, on, true);
  }

  run(cpu: number): void {
    const { calls, status } = this.runtime;
    this.#area.value = LAB_MEMORY.percpu + cpu * LAB_MEMORY.percpuBytes;
    if (status.isSuspended(cpu)) calls.rewind();
    (this.#programs[cpu] as () => unknown)();
  }

  check(): string | undefined {
    this.#area.value = LAB_MEMORY.percpu;
    const { check } = this.#exports;
    return check === undefined || check() !== 0
      ? undefined
      : "check() says that the result is wrong";
  }
}

const KNOWN = ["memory", "abort", "trace", "__asyncify_state", "__asyncify_data"];

function programsOf(exports: ProgramExports): (() => unknown)[] {
  const programs: (() => unknown)[] = [];
  for (let cpu = 0; ; cpu++) {
    const program = exports[`cpu${cpu}`];
    if (typeof program !== "function") return programs;
    programs.push(program);
  }
}

/** A string of AssemblyScript. */
function readText(words: Uint32Array, address: number): string {
  const length = (words[(address - 4) >>> 2] as number) >>> 1;
  const units = new Uint16Array(words.buffer, address, length);
  return String.fromCharCode(...units);
}

/** What an exception of a program means. */
export function explainProgram(error: unknown, cpu: number): Failure | undefined {
  if (error instanceof AssertionFailure) {
    return { detector: "assertion", rule: "assertion", message: error.message, cpu };
  }
  if (error instanceof WebAssembly.RuntimeError) {
    return { detector: "trap", rule: "trap", message: error.message, cpu };
  }
  return undefined;
}
