// A CPU of locks.bench.ts: waits for the others, hammers the lock, and says when it began and ended.

import { parentPort, workerData } from "node:worker_threads";

const { module, memory, imports, at, meeting } = workerData;
const env = { memory, abort: () => undefined };
const { init, hammer } = new WebAssembly.Instance(module, { env, ...imports }).exports;
const words = new Int32Array(memory.buffer);
const now = () => performance.timeOrigin + performance.now();

if (imports.arch.percpu_base === 0x10_0000) init(at);
parentPort.on("message", ({ cpus, args }) => {
  Atomics.add(words, meeting >>> 2, 1);
  while (Atomics.load(words, meeting >>> 2) < cpus);
  const begin = now();
  hammer(...args);
  parentPort.postMessage([begin, now()]);
});
parentPort.postMessage("ready");
