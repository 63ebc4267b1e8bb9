// Compiles a kernel that asconfig.json does not name, for src/kernel/variant-cache.ts: the argument is an order in
// JSON. Writes STEM.wasm, or for the explorer STEM.explore.wasm and STEM.sites.json. Exit status 3: refused, and
// standard error holds one sentence.

import { existsSync, readFileSync } from "node:fs";
import { layoutProblem } from "./layout-problem.mjs";
import { alone } from "./lock.mjs";
import { ROOT, kernelNames, versionOf } from "./project.mjs";
import { replaceFile } from "./replace.mjs";

const REFUSED = 3;

/** There is no such kernel, for the reason in its message. */
class Refusal extends Error {}

/** @type {{ target: string, settings: Record<string, number>, stem: string, product: string }} */
const { target, settings, stem, product } = JSON.parse(process.argv[2] ?? "{}");
const isTwin = product !== "kernel";

try {
  checkCompilers(isTwin ? ["assemblyscript", "binaryen"] : ["assemblyscript"]);
  checkSettings();
  await alone(make, `${stem}.lock`, () => undefined);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = REFUSED;
}

async function make() {
  const last = isTwin ? `${stem}.sites.json` : `${stem}.wasm`;
  if (existsSync(last)) return;
  const wasm = await compile();
  if (!isTwin) {
    replaceFile(last, wasm);
    return;
  }
  const { instrument } = await import("../../dist/engine/explore/instrument.js");
  const twin = instrument(wasm);
  replaceFile(`${stem}.explore.wasm`, twin.wasm);
  replaceFile(last, `${JSON.stringify({ kernel: target, sites: twin.sites })}\n`);
}

async function compile() {
  const { compileKernel } = await import("./compiler.mjs");
  const { wasm, layout, messages } = await compileKernel(target, settings);
  if (wasm === null) refuse(/User-defined: "(.*)"/.exec(messages)?.[1] ?? messages);
  const problem = layoutProblem(layout, await import("../../dist/layout/structs.gen.js"));
  if (problem !== null) refuse(problem);
  return wasm;
}

function checkCompilers(names) {
  const { peerDependencies } = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8"));
  const wrong = names.filter((name) => versionOf(name) !== peerDependencies[name]);
  if (wrong.length === 0) return;
  const wayOut = wrong.map((name) => `${name}@${peerDependencies[name]}`).join(" ");
  refuse(`it is no kernel that racier ships, so a compiler is needed: npm install ${wayOut}`);
}

function checkSettings() {
  const targets = JSON.parse(readFileSync(`${ROOT}asconfig.json`, "utf8")).targets;
  if (!kernelNames().includes(target)) refuse(`asconfig.json has no target ${target}`);
  const known = targets[target].use.map((word) => word.split("=")[0]);
  const choices = known.filter((name) => name !== "CONFIG_CHECK");
  const unknown = Object.keys(settings).find((name) => !choices.includes(name));
  if (unknown !== undefined) {
    refuse(`${unknown} cannot be chosen: there are ${choices.join(", ")}`);
  }
}

function refuse(sentence) {
  throw new Refusal(sentence);
}
