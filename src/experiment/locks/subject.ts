// A lock of the bench: compiled with the loops of assembly/lab/bench, and what it can do.

import { setFlagsFromString } from "node:v8";
import { ConfigError } from "../../kernel/error.ts";
import { compileLock } from "../../lab/compile.ts";
import type { Reading } from "../../lab/contract.ts";
import { labImports } from "../../lab/memory.ts";
import type { LockSource } from "../../lab/sources.ts";
import {
  COUNTS_BYTES,
  MAX_LOCK_BYTES,
  MAX_NODE_BYTES,
  ORDERS_BYTES,
  type LockSizes,
} from "./memory.ts";

/** How a CPU gets at a lock: waits, tries once, tries and gives up, tries and sleeps. */
export type Acquire = "spin" | "try" | "try-spin" | "park";

/** All of them, in the order in which they are reported. */
export const ACQUIRES: readonly Acquire[] = ["spin", "try", "try-spin", "park"];

/** What the bench does with a lock. */
const ENTRY = `export * from "racier/lab/bench/bench";\n`;

/** No lock: what is left is the bench itself. */
const EMPTY: LockSource = {
  ...{ name: "(no lock)", subject: "(no lock)", folder: undefined },
  module: "~lib/racier/lab/bench/empty",
};

/** A lock that can be measured. */
export interface BenchLock extends LockSizes {
  readonly name: string;
  readonly source: LockSource;
  readonly module: WebAssembly.Module;
  readonly has: ReadonlySet<string>;
  readonly reading: Reading;
}

/** Compiles what is left when a lock costs nothing. */
export const emptyLock = (): Promise<BenchLock> => benchLock(EMPTY);

/** Compiles a lock for the bench. Throws ConfigError. */
export async function benchLock(source: LockSource): Promise<BenchLock> {
  const { wasm, has, reading } = await compileLock(source, { entry: ENTRY, engine: "threads" });
  // The first calls of a loop would run in code that is compiled in a hurry, and the loop never leaves it.
  setFlagsFromString("--no-liftoff");
  const module = new WebAssembly.Module(wasm);
  const sizes = sizesOf(module, source.name);
  return { name: source.name, source, module, has, reading, ...sizes };
}

function sizesOf(module: WebAssembly.Module, name: string): LockSizes {
  const memory = new WebAssembly.Memory({ initial: 20, maximum: 20, shared: true });
  const { arch, ...others } = labImports(0);
  const { exports } = new WebAssembly.Instance(module, {
    ...others,
    arch: { ...arch, clock: () => 0 },
    env: { memory, abort: () => undefined, trace: () => undefined },
  });
  const constant = (key: string): number => (exports[key] as WebAssembly.Global).value as number;
  if (constant("ORDERS_BYTES") !== ORDERS_BYTES || constant("COUNTS_BYTES") !== COUNTS_BYTES) {
    throw new Error("memory.ts and assembly/lab/bench/area.ts differ");
  }
  return {
    lockBytes: within(constant("LOCK_SIZE"), MAX_LOCK_BYTES, `${name}: LOCK_BYTES`),
    nodeBytes: within(constant("NODE_SIZE"), MAX_NODE_BYTES, `${name}: NODE_BYTES`),
  };
}

function within(bytes: number, most: number, what: string): number {
  if (bytes >= 0 && bytes <= most) return bytes;
  throw new ConfigError(`${what} is ${bytes}: the bench has room for 0 to ${most} bytes`);
}

/** Why a lock cannot be taken in this way; undefined: it can. */
export function cannot(
  lock: BenchLock,
  acquire: Acquire,
  readersPercent: number,
): string | undefined {
  if (acquire === "spin") return undefined;
  if (!lock.has.has("try_acquire")) return `${lock.name} has no try_acquire`;
  const needsShared = readersPercent > 0 && lock.has.has("acquire_shared");
  if (needsShared && lock.reading !== "retry" && !lock.has.has("try_acquire_shared")) {
    return `${lock.name} has no try_acquire_shared`;
  }
  return undefined;
}

/** The loop for a pass. */
export function loopName(acquire: Acquire, readersPercent: number, isTimed: boolean): string {
  const way = acquire === "try-spin" ? "try" : acquire;
  return `run_${way}${readersPercent > 0 ? "_readers" : ""}${isTimed ? "_timed" : ""}`;
}
