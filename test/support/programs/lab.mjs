// A CPU of the lab: hammers the lock that it is sent, together with the others.

import { parentPort } from "node:worker_threads";

/** Where the CPUs meet before they begin: a word behind the data. */
const MEETING = 0x200;

parentPort.on("message", ({ module, memory, imports, args, cpus }) => {
  const env = { memory, abort: () => undefined };
  const { hammer } = new WebAssembly.Instance(module, { env, ...imports }).exports;
  const words = new Int32Array(memory.buffer);
  const at = (args[2] + MEETING) >>> 2;
  Atomics.add(words, at, 1);
  Atomics.notify(words, at);
  for (let seen; (seen = Atomics.load(words, at)) < cpus;) Atomics.wait(words, at, seen, 1);
  parentPort.postMessage(hammer(...args));
});
