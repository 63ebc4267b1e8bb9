// From a kernel's name to the calls of one CPU: the binary is compiled once in a process and
// instantiated for each CPU.

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { PERCPU_AREAS, PERCPU_SIZE } from "../layout/structs.gen.ts";
import { memoryViews, type MemoryViews } from "../layout/view.ts";
import type { KernelCalls } from "./calls.ts";
import { NotifierPort } from "./notifier-port.ts";
import { chosenKernel } from "./catalogue.ts";
import { ConfigError } from "./error.ts";
import { PRODUCT_SUFFIX, variantPath, type Product } from "./variant-cache.ts";

/** One CPU as host code sees it: the first argument of everything that runs on it. */
export interface Cpu extends MemoryViews {
  /** Number of the CPU, from 0. */
  readonly id: number;
  /** Address of its per-CPU area. */
  readonly area: number;
  /**
   * Where the kernel calls the clients of its notifiers.
   * @internal
   */
  readonly notifiers: NotifierPort;
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
  return readFile(builtPath(file));
}

const builtPath = (file: string): string =>
  fileURLToPath(new URL(`../../build/${file}`, import.meta.url));

function readFile(path: string): Buffer<ArrayBuffer> {
  try {
    return readFileSync(path);
  } catch {
    throw new ConfigError(`build/${basename(path)} is missing: run "npm run build"`);
  }
}

/** A compiled binary of build/, compiled once in a process. Throws ConfigError when it is missing. */
export function loadBuilt(file: string): WebAssembly.Module {
  return loadFile(builtPath(file));
}

function loadFile(path: string): WebAssembly.Module {
  let module = modules.get(path);
  if (module === undefined) {
    module = new WebAssembly.Module(readFile(path));
    modules.set(path, module);
  }
  return module;
}

/** Path of something that there is of a kernel; a variant is compiled now. Throws ConfigError. */
function pathOf(kernel: string, checking: boolean, product: Product): string {
  const { name, target, settings } = chosenKernel(kernel);
  const build = checking ? `${target}-check` : target;
  return Object.keys(settings).length === 0
    ? builtPath(`kernel-${build}${PRODUCT_SUFFIX[product]}`)
    : variantPath({ name, target: build, settings }, product);
}

/**
 * The kernel `name`, in its checking build or not; a variant is compiled at its first use. Throws ConfigError for
 * an unknown name, a missing build, or a variant that cannot be.
 */
export function loadKernel(name: string, checking: boolean): WebAssembly.Module {
  return loadFile(pathOf(name, checking, "kernel"));
}

/** The kernel `name` instrumented for the explorer. Throws ConfigError as loadKernel does. */
export function loadTwin(name: string, checking: boolean): WebAssembly.Module {
  return loadFile(pathOf(name, checking, "twin"));
}

/** The bytes of that, and the list of the accesses in it. Throws ConfigError as loadKernel does. */
export function readTwin(name: string, checking: boolean, what: "twin" | "sites"): Buffer {
  return readFile(pathOf(name, checking, what));
}

/** Instantiates the kernel for one CPU of a machine. */
export function instantiateCpu(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  id: number,
  clock: Clock,
): Cpu {
  const area = PERCPU_AREAS + id * PERCPU_SIZE;
  const notifiers = new NotifierPort();
  const instance = new WebAssembly.Instance(module, {
    env: { memory },
    notifier: notifiers.imports(),
    arch: {
      percpu_base: new WebAssembly.Global({ value: "i32", mutable: false }, area),
      clock,
    },
  });
  const views = memoryViews(memory.buffer as unknown as SharedArrayBuffer);
  return { ...views, id, area, notifiers, k: instance.exports as unknown as KernelCalls };
}
