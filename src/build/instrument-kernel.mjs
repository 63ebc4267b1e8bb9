// Makes the explorable twin of a kernel that is built: `node src/build/instrument-kernel.mjs 2.6.9-check`
// reads build/kernel-2.6.9-check.wasm, and writes build/kernel-2.6.9-check.explore.wasm and the list of
// its accesses, build/kernel-2.6.9-check.sites.json. Needs dist/.

import { readFileSync } from "node:fs";
import { fromRoot, kernelNames, sitesPath, twinPath, wasmPath } from "./project.mjs";
import { replaceFile } from "./replace.mjs";

const [kernel, ...excess] = process.argv.slice(2);

if (!kernelNames().includes(kernel) || excess.length > 0) {
  console.error("usage: instrument-kernel.mjs KERNEL");
  console.error(`kernels: ${kernelNames().join(", ")}`);
  process.exit(2);
}

const { instrument } = await import("../../dist/engine/explore/instrument.js");
const { wasm, sites } = instrument(readFileSync(fromRoot(wasmPath(kernel))));
replaceFile(fromRoot(twinPath(kernel)), wasm);
replaceFile(fromRoot(sitesPath(kernel)), `${JSON.stringify({ kernel, sites })}\n`);
