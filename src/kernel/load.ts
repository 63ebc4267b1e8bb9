// From a kernel's name to the calls of one CPU: the binary is compiled once in a process and
// instantiated for each CPU.

import { readFileSync } from "node:fs";
import { PERCPU_AREAS, PERCPU_SIZE } from "../layout/structs.gen.ts";
import { memoryViews, type MemoryViews } from "../layout/view.ts";
import type { KernelCalls } from "./calls.ts";
import { kernelEntry } from "./catalogue.ts";
import { ConfigError } from "./error.ts";

/** One CPU as host code sees it: the first argument of everything that runs on it. */
export interface Cpu extends MemoryViews {
  /** Number of the CPU, from 0. */
  readonly id: number;
  /** Address of its per-CPU area. */
  readonly area: number;
  /**
   * The kernel: no stable interface.
   * @internal
   */
  readonly k: KernelCalls;
}

/** Gives the time of the engine, in ns; used only for profiles. */
export type Clock = () => number;

const modules = new Map<string, WebAssembly.Module>();

/** A file of build/. Throws ConfigError when it is missing. */
export function readBuilt(file: string): Buffer<ArrayBuffer> {
  try {
    return readFileSync(new URL(`../../build/${file}`, import.meta.url));
  } catch {
    throw new ConfigError(`build/${file} is missing: run "npm run build"`);
  }
}

/** A compiled binary of build/, compiled once in a process. Throws ConfigError when it is missing. */
export function loadBuilt(file: string): WebAssembly.Module {
  let module = modules.get(file);
  if (module === undefined) {
    module = new WebAssembly.Module(readBuilt(file));
    modules.set(file, module);
  }
  return module;
}

/**
 * The compiled kernel `name`, in its checking build or not. Throws ConfigError for an unknown name
 * or a missing build.
 */
export function loadKernel(name: string, checking: boolean): WebAssembly.Module {
  return loadBuilt(`${productOf(name, checking)}.wasm`);
}

/** What the files of a kernel's build begin with. Throws ConfigError for an unknown name. */
const productOf = (name: string, checking: boolean): string =>
  `kernel-${kernelEntry(name).name}${checking ? "-check" : ""}`;

/** File of the kernel `name` that is instrumented for the explorer. Throws ConfigError. */
export const twinFile = (name: string, checking: boolean): string =>
  `${productOf(name, checking)}.explore.wasm`;

/** File of the accesses in that kernel. Throws ConfigError. */
export const sitesFile = (name: string, checking: boolean): string =>
  `${productOf(name, checking)}.sites.json`;

/** Instantiates the kernel for one CPU of a machine. */
export function instantiateCpu(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  id: number,
  clock: Clock,
): Cpu {
  const area = PERCPU_AREAS + id * PERCPU_SIZE;
  const instance = new WebAssembly.Instance(module, {
    env: { memory },
    arch: {
      percpu_base: new WebAssembly.Global({ value: "i32", mutable: false }, area),
      clock,
    },
  });
  const views = memoryViews(memory.buffer as unknown as SharedArrayBuffer);
  return { ...views, id, area, k: instance.exports as unknown as KernelCalls };
}
