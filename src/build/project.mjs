// Where the sources and the products are, and what the targets are called.

import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The top of the working tree. Every path in the build scripts is relative to it. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The file that the layouts of all kernels become. */
export const GENERATED = "src/layout/structs.gen.ts";

const require = createRequire(import.meta.url);

/** @param {string} path */
export const fromRoot = (path) => join(ROOT, path);

/** Names of the kernels that asconfig.json builds. */
export function kernelNames() {
  return Object.keys(JSON.parse(readFileSync(fromRoot("asconfig.json"), "utf8")).targets);
}

/** @param {string} kernel */
export const wasmPath = (kernel) => `build/kernel-${kernel}.wasm`;

/** @param {string} kernel */
export const layoutPath = (kernel) => `build/kernel-${kernel}.layout.json`;

/** @param {string} kernel */
export const twinPath = (kernel) => `build/kernel-${kernel}.explore.wasm`;

/** @param {string} kernel */
export const sitesPath = (kernel) => `build/kernel-${kernel}.sites.json`;

/** All files below a folder whose names match, sorted; none when there is no such folder. */
export function filesBelow(folder, pattern = /./) {
  let entries;
  try {
    entries = readdirSync(fromRoot(folder), { recursive: true, withFileTypes: true });
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
  return entries
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(ROOT.length))
    .sort();
}

/** Version of an installed package; null when it is not installed. */
export function versionOf(name) {
  const path = packageFile(name, "package.json");
  return path === null ? null : JSON.parse(readFileSync(path, "utf8")).version;
}

/** A file of an installed package, by its path in there; null when the package is not installed. */
export function packageFile(name, file) {
  for (const folder of require.resolve.paths(name) ?? []) {
    const path = join(folder, name, "package.json");
    try {
      readFileSync(path);
      return join(dirname(path), file);
    } catch {
      continue;
    }
  }
  return null;
}
