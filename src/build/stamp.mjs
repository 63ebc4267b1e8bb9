// Skips work that was done already: a step's stamp holds a hash of everything that it read.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fromRoot } from "./project.mjs";

const FOLDER = "build/.stamps";

/** A hash of the contents of files, and of words such as the version of a tool. */
export function hashOf(files, words = []) {
  const hash = createHash("sha256").update(JSON.stringify(words));
  for (const file of files) hash.update(`\0${file}\0`).update(readFileSync(fromRoot(file)));
  return hash.digest("hex");
}

/** True when `step` succeeded with this hash and its products are still there. */
export function isFresh(step, hash, products) {
  const path = fromRoot(`${FOLDER}/${step}`);
  if (!existsSync(path) || readFileSync(path, "utf8") !== hash) return false;
  return products.every((product) => existsSync(fromRoot(product)));
}

/** Remembers that `step` succeeded with this hash. */
export function setStamp(step, hash) {
  mkdirSync(fromRoot(FOLDER), { recursive: true });
  writeFileSync(fromRoot(`${FOLDER}/${step}`), hash);
}

/** Forgets `step`, before its products are touched. */
export function clearStamp(step) {
  rmSync(fromRoot(`${FOLDER}/${step}`), { force: true });
}
