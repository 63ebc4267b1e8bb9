// Compiles one kernel: `node src/build/compile-kernel.mjs 2.6.9`. Writes build/kernel-2.6.9.wasm and the
// layout of its structs. A variant takes other CONFIG_* values and a file of its own:
// `node src/build/compile-kernel.mjs 2.6.9 CONFIG_SPINLOCK=2 /tmp/ticket.wasm`
// The products change in one step, and only when the whole kernel is right.

import { resolve } from "node:path";
import { compileKernel } from "./compiler.mjs";
import { fromRoot, kernelNames, layoutPath, wasmPath } from "./project.mjs";
import { replaceFile } from "./replace.mjs";

const [kernel, ...rest] = process.argv.slice(2);
const use = Object.fromEntries(rest.filter(isSetting).map((word) => word.split("=")));
const [outFile, ...excess] = rest.filter((word) => !isSetting(word));
const isVariant = Object.keys(use).length > 0;

if (!kernelNames().includes(kernel) || excess.length > 0 || isVariant !== (outFile !== undefined)) {
  console.error("usage: compile-kernel.mjs KERNEL [CONFIG_NAME=VALUE... FILE.wasm]");
  console.error(`kernels: ${kernelNames().join(", ")}`);
  process.exit(2);
}

const { wasm, layout, messages } = await compileKernel(kernel, use);
process.stderr.write(messages);
if (wasm === null) process.exit(1);

replaceFile(isVariant ? resolve(outFile) : fromRoot(wasmPath(kernel)), wasm);
if (!isVariant) {
  replaceFile(fromRoot(layoutPath(kernel)), `${JSON.stringify({ kernel, ...layout }, null, 2)}\n`);
}

function isSetting(word) {
  return /^CONFIG_\w+=\d+$/.test(word);
}
