// The lock that is meant by a word of the command line, and the files that the compiler asks for: those of
// the lock, and racier's own, which a lock imports as "racier/lock".
//
// "racier/X" is assembly/X, or assembly/lab/X where the lab differs from the kernel.

import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../kernel/error.ts";
import { lockNamed, type LockEntry } from "./catalogue.ts";

/** A lock, as a file to be compiled. */
export interface LockSource {
  /** As reports call it: "mcs", or "my-lock.ts". */
  readonly name: string;
  /** As the user called it. */
  readonly subject: string;
  /** Where its relative imports are looked for; undefined: a lock of racier. */
  readonly folder: string | undefined;
  /** What the entry imports as "racier/subject", as a module of asc: "my-lock", "~lib/racier/lock/mcs". */
  readonly module: string;
  /** Text of a lock that is not read from its file. @defaultValue the file */
  readonly text?: string | undefined;
  /** What the catalogue says of a lock of racier. */
  readonly entry?: LockEntry;
}

const ASSEMBLY = fileURLToPath(new URL("../../assembly/", import.meta.url));
/** How asc asks for modules of a package, from the package or from outside it. */
const PACKAGE = /^(?:node_modules\/racier\/)+/;

/** True for what names a file. */
export const isLockFile = (subject: string): boolean => /[./\\]/.test(subject);

/**
 * Finds a lock by its name, or by the path of its file.
 * @throws ConfigError when there is none
 */
export function lockSource(subject: string): LockSource {
  if (isLockFile(subject)) return fileSource(subject);
  const entry = lockNamed(subject);
  const module = `~lib/racier/${entry.file}`;
  return { name: subject, subject, folder: undefined, module, entry };
}

function fileSource(path: string): LockSource {
  if (!path.endsWith(".ts")) {
    throw new ConfigError(`${path} is no AssemblyScript file: its name must end in .ts`);
  }
  try {
    return textSource(path, readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`there is no lock file ${path}: racier new lock ${path} writes one`);
  }
}

/** True for a file that looks like a lock: it says how large one is. */
export function keepsContract(path: string): boolean {
  return /\bexport\b[^;]*\bLOCK_BYTES\b/.test(readIfThere(path) ?? "");
}

/** A lock whose text is known; what it imports is looked for beside `path`. */
export function textSource(path: string, text: string): LockSource {
  const name = basename(path);
  const folder = resolve(path, "..");
  return { name, subject: path, folder, module: name.slice(0, -3), text };
}

/** The file that asc asks for, or null. `entries` are files that exist in name only. */
export function readSource(
  source: LockSource,
  entries: Readonly<Record<string, string>>,
  file: string,
): string | null {
  if (file in entries) return entries[file] ?? null;
  if (PACKAGE.test(file)) return readOwn(source, file.replace(PACKAGE, ""));
  if (source.folder === undefined || file.endsWith(".json")) return null;
  if (source.text !== undefined && file === source.name) return source.text;
  return readIfThere(resolve(source.folder, file));
}

/** A file of racier, by its name in the package. */
function readOwn(source: LockSource, file: string): string | null {
  if (file === "subject.ts") {
    const own = source.module.replace("~lib/racier/", "./");
    return `export * from "${own === source.module ? `../../${own}` : own}";\n`;
  }
  return readIfThere(resolve(ASSEMBLY, "lab", file)) ?? readIfThere(resolve(ASSEMBLY, file));
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
