// Compiles one kernel in this process, as asconfig.json describes it or with other CONFIG_* values.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import asc from "assemblyscript/asc";
import { layoutTransform } from "../layout/transform.mjs";
import { ROOT } from "./project.mjs";
import { problemsOf } from "./wasm.mjs";

/**
 * @typedef {{
 *   wasm: Uint8Array | null,
 *   layout: import("../layout/transform.mjs").Layout | null,
 *   messages: string,
 * }} Compiled  wasm is null when the kernel was refused; messages say why, and hold warnings otherwise
 */

/**
 * Compiles `kernel`, a target of asconfig.json.
 *
 * @param {string} kernel
 * @param {Record<string, number>} [use] CONFIG_* values in place of those of the target
 * @returns {Promise<Compiled>}
 */
export async function compileKernel(kernel, use = {}) {
  let layout = null;
  let wasm = null;
  const { error, stderr } = await asc.main(
    ["--config", "asconfig.json", "--target", kernel, "--baseDir", ROOT],
    {
      transforms: [layoutTransform((result) => (layout = result))],
      readFile: (name, folder) => readSource(resolve(folder, name), kernel, use),
      writeFile: (name, contents) => void (name.endsWith(".wasm") && (wasm = contents)),
    },
  );
  const problems = error
    ? []
    : problemsOf(wasm).map((problem) => `ERROR kernel ${kernel} has ${problem}\n`);
  const messages = [stderr.toString(), ...problems].join("");
  return error || problems.length > 0
    ? { wasm: null, layout, messages }
    : { wasm, layout, messages };
}

/** What asc asks for; in asconfig.json, the values of `use` take the place of the target's. */
async function readSource(path, kernel, use) {
  let text;
  try {
    text = await readFile(path, "utf8");
  } catch {
    return null;
  }
  if (path !== resolve(ROOT, "asconfig.json")) return text;
  const config = JSON.parse(text);
  const target = config.targets[kernel];
  const given = Object.entries(use).map(([name, value]) => `${name}=${value}`);
  const kept = target.use.filter((word) => !(word.split("=")[0] in use));
  target.use = [...kept, ...given];
  return JSON.stringify(config);
}
