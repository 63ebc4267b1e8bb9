// Builds everything that a user needs: the kernels (build/*.wasm), the layouts of their structs
// (src/layout/structs.gen.ts), the host (dist/), and the explorable twins of the kernels. What did not
// change is not built again. Goes on after an error, so that one run shows all of them. With --prepare,
// as npm runs it, an installation without the compilers is left alone.

import { alone } from "./lock.mjs";
import {
  explorerStep,
  hostStep,
  isBuilt,
  kernelSteps,
  layoutStep,
  twinSteps,
} from "./products.mjs";
import { versionOf } from "./project.mjs";
import { WIDTH, runSteps, seconds } from "./steps.mjs";

const began = performance.now();

if (process.argv.includes("--prepare") && !hasCompilers()) {
  if (!isBuilt()) {
    console.error(
      "racier is not built and its compilers are not installed: run npm install --include=dev",
    );
    process.exitCode = 1;
  }
} else {
  const good = await alone(buildAll);
  console.log(`${good ? "built" : "build FAILED"} in ${seconds(began)}`);
  if (!good) process.exitCode = 1;
}

async function buildAll() {
  const kernels = await runSteps([...kernelSteps(), explorerStep()], WIDTH);
  const layout = kernels && (await runSteps([layoutStep({ checkOnly: false })], 1));
  const host = await runSteps([hostStep()], 1);
  const twins = kernels && host && (await runSteps(twinSteps(), WIDTH));
  return kernels && layout && host && twins;
}

function hasCompilers() {
  return ["assemblyscript", "typescript"].every((name) => versionOf(name) !== null);
}
