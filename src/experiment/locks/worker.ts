// The body of a CPU of the bench: a thread that has all locks ready and runs a loop of
// assembly/lab/bench/bench.ts when it is asked.

import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { labImports } from "../../lab/memory.ts";
import type { BenchReply, BenchRequest, BenchStart } from "./messages.ts";

type Exports = Readonly<Record<string, (argument?: number) => number>>;
type Asked<T extends BenchRequest["type"]> = Extract<BenchRequest, { type: T }>;

const port = parentPort as MessagePort;
const { cpu } = workerData as BenchStart;
const locks = new Map<number, Exports>();
const say = (reply: BenchReply): void => {
  port.postMessage(reply);
};

/** A string of AssemblyScript. */
function textAt(memory: WebAssembly.Memory, address: number): string {
  if (address === 0) return "";
  const bytes = new DataView(memory.buffer).getUint32(address - 4, true);
  const units = new Uint16Array(memory.buffer.slice(address, address + bytes));
  return String.fromCharCode(...units);
}

function load({ lock, module, memory }: Asked<"lock">): void {
  const { arch, ...others } = labImports(cpu);
  const text = (address: number): string => textAt(memory, address);
  const { exports } = new WebAssembly.Instance(module, {
    ...others,
    arch: { ...arch, clock: () => performance.now() * 1e6 },
    env: {
      memory,
      abort: (message: number, file: number, line: number): never => {
        throw new Error(`${text(message) || "an assert failed"} (${text(file)}:${line})`);
      },
      trace: () => undefined,
    },
  });
  locks.set(lock, exports as unknown as Exports);
}

function call({ lock, name, argument, prepareFor }: Asked<"call">): number {
  const exports = locks.get(lock);
  if (prepareFor !== undefined) exports?.["prepare"]?.(prepareFor);
  return exports?.[name]?.(argument) ?? 0;
}

/** What went wrong, and in which function. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const where = /at (?:\S*\/)?([\w.]+) \(wasm:/.exec(error.stack ?? "")?.[1];
  return where === undefined ? error.message : `${error.message}, in ${where}`;
}

port.on("message", (request: BenchRequest) => {
  try {
    if (request.type === "lock") load(request);
    else say({ type: "done", result: call(request) });
  } catch (error) {
    say({ type: "trapped", message: describe(error) });
  }
});
say({ type: "ready" });
