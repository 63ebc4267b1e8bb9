// The steps that make each product: kernels, layouts, host, explorable twins. A step runs only when its sources changed.

import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import {
  filesBelow,
  fromRoot,
  kernelNames,
  layoutPath,
  packageFile,
  sitesPath,
  twinPath,
  versionOf,
  wasmPath,
} from "./project.mjs";
import { clearStamp, hashOf, isFresh, setStamp } from "./stamp.mjs";

/** @typedef {import("./steps.mjs").Step} Step */

/** What `racier` runs. */
export const CLI = "dist/cli/main.js";
const EXPLORER = "build/explorer.wasm";

const PRESETS = "src/workload/process-layout/presets";
const TSC_STATE = "build/.stamps/tsc.tsbuildinfo";
const KERNEL_TOOLS = [
  "src/layout/transform.mjs",
  "src/build/compile-kernel.mjs",
  "src/build/compiler.mjs",
  "src/build/wasm.mjs",
  "src/build/replace.mjs",
];

const TWIN_TOOLS = [
  "src/build/instrument-kernel.mjs",
  "src/build/replace.mjs",
  ...["instrument", "expressions", "runtime"].map((name) => `src/engine/explore/${name}.ts`),
];

/** Compiles every kernel of asconfig.json. @returns {Step[]} */
export function kernelSteps() {
  const files = filesBelow("assembly", /(?<!\.d)\.ts$/);
  const own = files.filter((file) => !file.startsWith("assembly/explorer/"));
  const sources = [...own, "asconfig.json", ...KERNEL_TOOLS];
  const hash = hashOf(sources, [versionOf("assemblyscript")]);
  return kernelNames().map((kernel) => {
    const command = ["src/build/compile-kernel.mjs", kernel];
    return stamped(`kernel ${kernel}`, hash, [wasmPath(kernel), layoutPath(kernel)], command);
  });
}

/** Compiles the explorer's wasm part. @returns {Step} */
export function explorerStep() {
  const sources = [
    ...filesBelow("assembly/explorer", /(?<!\.d)\.(ts|json)$/),
    "src/build/compile-explorer.mjs",
  ];
  const hash = hashOf(sources, [versionOf("assemblyscript")]);
  return stamped("explorer", hash, [EXPLORER], ["src/build/compile-explorer.mjs"]);
}

/** Writes src/layout/structs.gen.ts, or says that it is stale. @returns {Step} */
export function layoutStep({ checkOnly }) {
  const option = checkOnly ? ["--check"] : [];
  return { name: "struct layouts", command: ["src/build/gen-layout.mjs", ...option] };
}

/** Compiles src/ to dist/. After a type error dist/ is written all the same. @returns {Step} */
export function hostStep() {
  const sources = filesBelow("src", /(?<!\.d)\.ts$/);
  const presets = filesBelow(PRESETS);
  const configs = ["tsconfig.json", "tsconfig.build.json", "package.json"];
  const hash = hashOf([...sources, ...presets, ...configs], [versionOf("typescript")]);
  const products = [...sources.map(productOf), ...presets.map(inDist)];
  // tsc would not write again what somebody deleted.
  if (!products.every((path) => existsSync(fromRoot(path)))) {
    rmSync(fromRoot(TSC_STATE), { force: true });
  }
  const tsc = [packageFile("typescript", "bin/tsc"), "-p", "tsconfig.build.json"];
  const after = () => finishHost(presets, new Set(products));
  return { ...stamped("host", hash, products, tsc), after };
}

/** Instruments kernels for the explorer; to be asked for when kernels and host are built. @returns {Step[]} */
export function twinSteps() {
  return kernelNames().map((kernel) => {
    const hash = hashOf([wasmPath(kernel), ...TWIN_TOOLS], [versionOf("binaryen")]);
    const command = ["src/build/instrument-kernel.mjs", kernel];
    return stamped(`twin ${kernel}`, hash, [twinPath(kernel), sitesPath(kernel)], command);
  });
}

/** True when everything was built, however long ago. */
export function isBuilt() {
  const products = [CLI, EXPLORER, ...kernelNames().map(wasmPath), ...kernelNames().map(twinPath)];
  return products.every((path) => existsSync(fromRoot(path)));
}

function inDist(path) {
  return path.replace(/^src\//, "dist/");
}

function productOf(path) {
  return inDist(path).replace(/\.ts$/, ".js");
}

/** What tsc leaves undone: data files, products of sources that are gone, the right to be executed. */
function finishHost(presets, products) {
  for (const preset of presets) {
    mkdirSync(dirname(fromRoot(inDist(preset))), { recursive: true });
    copyFileSync(fromRoot(preset), fromRoot(inDist(preset)));
  }
  for (const file of filesBelow("dist")) {
    if (!products.has(file.replace(/\.d\.ts$/, ".js"))) rmSync(fromRoot(file));
  }
  if (existsSync(fromRoot(CLI))) chmodSync(fromRoot(CLI), 0o755);
}

/** A step that runs only when its sources changed since it last succeeded. */
function stamped(name, hash, products, command) {
  const id = name.replaceAll(" ", "-");
  return {
    name,
    command,
    skip: () => isFresh(id, hash, products) || clearStamp(id),
    done: () => setStamp(id, hash),
  };
}
