// A CPU as host code sees it under the explorer: the same calls and views as everywhere, but each
// kernel call is on record (replay.ts), and each element of a view that is read or written is a step
// of the schedule. Accesses to the CPU's own area are none, as in the kernel; they are on record all
// the same. Left out of the views: every method but set and subarray, on bytes.

import { PERCPU_AREAS, PERCPU_SIZE } from "../../layout/structs.gen.ts";
import { memoryViews } from "../../layout/view.ts";
import type { KernelCalls } from "../../kernel/calls.ts";
import type { Cpu } from "../../kernel/load.ts";
import { NotifierPort } from "../../kernel/notifier-port.ts";
import type { ProgramTask } from "../../machine/task.ts";
import { Replay } from "./replay.ts";
import { Kind, type Runtime } from "./runtime.ts";
import type { SectionWatch } from "./user-data/watch.ts";

type Element = Uint8Array | Uint16Array | Int32Array | Uint32Array | Float64Array;
type Handler = ProxyHandler<Element>;

const metaOf = (kind: number, log2: number): number => kind | (log2 << 4);

/** True for the key of an element: engines hand it over as text. */
function isIndex(key: string | symbol): key is string {
  if (typeof key !== "string") return false;
  const first = key.charCodeAt(0);
  return first >= 0x30 && first <= 0x39;
}

function unknownMember(name: string, key: string | symbol): never {
  throw new Error(`the explorer does not know ${name}.${String(key)}: use single elements`);
}

/** Bytes in a row, element by element: as a compiler's memcpy of bytes would. */
function byteMethods(proxy: () => Uint8Array): Record<string, unknown> {
  return {
    set: (from: ArrayLike<number>, at = 0): void => {
      for (let i = 0; i < from.length; i++) proxy()[at + i] = from[i] as number;
    },
    subarray: (from: number, to: number): Uint8Array =>
      Uint8Array.from({ length: to - from }, (_, i) => proxy()[from + i] as number),
  };
}

/** A view whose elements are steps. */
function exploredView<T extends Element>(name: string, view: T, replay: Replay): T {
  const log2 = Math.log2(view.BYTES_PER_ELEMENT);
  const readName = `read ${name}`;
  const writeName = `write ${name}`;
  const load = metaOf(Kind.load, log2);
  const store = metaOf(Kind.store, log2);
  const methods: Record<string, unknown> =
    view instanceof Uint8Array ? byteMethods(() => proxy as unknown as Uint8Array) : {};
  const handler: Handler = {
    get(_, key) {
      if (isIndex(key)) return replay.read(readName, key, load, log2, view);
      return methods[String(key)] ?? unknownMember(name, key);
    },
    set(_, key, value: number) {
      if (!isIndex(key)) return unknownMember(name, key);
      replay.write(writeName, key, value, store, log2, view);
      return true;
    },
  };
  const proxy = new Proxy<Element>(view, handler) as T;
  return proxy;
}

/** The kernel's calls, on record. */
function exploredCalls(exports: WebAssembly.Exports, replay: Replay): KernelCalls {
  const calls: Record<string, unknown> = {};
  for (const [name, f] of Object.entries(exports)) {
    if (typeof f !== "function") continue;
    const call = f as (...args: never[]) => unknown;
    calls[name] = (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown): unknown =>
      replay.call(name, call, a, b, c, d, e);
  }
  return calls as unknown as KernelCalls;
}

/**
 * A task whose syscalls and accesses are sections: each is run again only until it has ended.
 * @param watch is told of each
 */
export function exploredTask(task: ProgramTask, replay: Replay, watch?: SectionWatch): ProgramTask {
  const listener = watch?.of(task);
  const methods = new Map<string | symbol, unknown>();
  return new Proxy(task, {
    get(target, key) {
      const known = methods.get(key);
      if (known !== undefined) return known;
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== "function") return member;
      const name = String(key);
      const method = (...args: unknown[]): unknown =>
        replay.section(name, args, () => Reflect.apply(member, target, args) as unknown, listener);
      methods.set(key, method);
      return method;
    },
  });
}

/** A CPU of the explorer, and what its host code has done. */
export interface ExploredCpu {
  readonly cpu: Cpu;
  readonly replay: Replay;
}

/** Instantiates an instrumented kernel for one CPU over the memory of a runtime. */
export function instantiateExplored(
  runtime: Runtime,
  module: WebAssembly.Module,
  id: number,
): ExploredCpu {
  const area = PERCPU_AREAS + id * PERCPU_SIZE;
  const base = new WebAssembly.Global({ value: "i32", mutable: false }, area);
  const arch = { percpu_base: base, clock: () => 0 };
  const replay = new Replay(runtime, id);
  const notifiers = new NotifierPort();
  const notifier = notifiers.imports((body) => replay.callback(body));
  const { exports } = new WebAssembly.Instance(module, { ...runtime.imports, arch, notifier });
  const views = memoryViews(runtime.memory.buffer as unknown as SharedArrayBuffer);
  const explored = {
    buffer: views.buffer,
    u8: exploredView("u8", views.u8, replay),
    u16: exploredView("u16", views.u16, replay),
    i32: exploredView("i32", views.i32, replay),
    u32: exploredView("u32", views.u32, replay),
    f64: exploredView("f64", views.f64, replay),
  };
  return { cpu: { ...explored, id, area, notifiers, k: exploredCalls(exports, replay) }, replay };
}
