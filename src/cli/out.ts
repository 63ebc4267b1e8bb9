// --out FILE: refused before any work is done if it could not be written.

import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigError } from "../kernel/error.ts";

/** Refuses an output file that could not be written. Throws ConfigError. */
export function checkOut(path: string): void {
  const folder = dirname(resolve(path));
  if (existsSync(path) && statSync(path).isDirectory()) {
    throw new ConfigError(`--out ${path} is a folder: name a file in it`);
  }
  try {
    accessSync(existsSync(path) ? path : folder, constants.W_OK);
  } catch {
    throw new ConfigError(
      `--out ${path} cannot be written: check that ${folder} exists and is yours`,
    );
  }
}
