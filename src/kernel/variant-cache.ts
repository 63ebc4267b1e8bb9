// Kernels that no build has: compiled when they are first asked for, and kept by what they were made of. The name
// of a file holds a hash of the sources, the settings, the tools and the version of the compiler, so that it is
// never stale and two computers make the same. The compiler runs in a process of its own (src/build/compile-variant.mjs),
// since kernels are loaded in the middle of synchronous code; that process also sees to it that of two that want the
// same variant one compiles and the other waits.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { userCacheFolder } from "./cache-folder.ts";
import { ConfigError, Interrupted } from "./error.ts";
import type { KernelSettings } from "./variant.ts";

/** A kernel that is to be compiled. */
export interface VariantBuild {
  /** As people call it. */
  readonly name: string;
  /** The target of asconfig.json that it differs from. */
  readonly target: string;
  /** Values in place of those of the target. */
  readonly settings: KernelSettings;
}

/** What there is of a kernel: its binary, the twin for the explorer, the accesses in that. */
export type Product = "kernel" | "twin" | "sites";

/** What their files end in. */
export const PRODUCT_SUFFIX = {
  kernel: ".wasm",
  twin: ".explore.wasm",
  sites: ".sites.json",
} as const;

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const COMPILE = "src/build/compile-variant.mjs";
/** What makes a kernel, besides assembly/. */
const TOOLS = ["asconfig.json", COMPILE, "src/build/compiler.mjs", "src/layout/transform.mjs"];
/** What makes a twin out of it. */
const TWIN_TOOLS = ["instrument", "expressions", "runtime"];
/** Exit status of COMPILE when it has said in one sentence why there is no such kernel. */
const REFUSED = 3;

const stems = new Map<string, string>();

/** Path of a product of a variant; compiles it if it is not there. Throws ConfigError. */
export function variantPath(build: VariantBuild, product: Product): string {
  const file = `${stemOf(build, product)}${PRODUCT_SUFFIX[product]}`;
  const paths = folders().map((folder) => join(folder, file));
  const found = paths.find((path) => existsSync(path));
  if (found !== undefined) return found;
  const path = paths.find((each) => isWritable(dirname(each)));
  if (path === undefined) {
    const wayOut = "set RACIER_CACHE to one that can";
    throw new ConfigError(
      `${build.name} is compiled now, and no folder for it can be written: ${wayOut}`,
    );
  }
  compile(build, path.slice(0, -PRODUCT_SUFFIX[product].length), product);
  return path;
}

/** Where variants are kept: beside the other kernels, or in the user's cache; or where $RACIER_CACHE says. */
function folders(): readonly string[] {
  const user = userCacheFolder();
  return process.env["RACIER_CACHE"] === undefined ? [join(ROOT, "build/variants"), user] : [user];
}

/** True when `folder` can be written, or made. */
function isWritable(folder: string): boolean {
  if (!existsSync(folder)) return folder !== dirname(folder) && isWritable(dirname(folder));
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** What the name of a product begins with: the same for the same inputs, and for no others. */
function stemOf({ target, settings }: VariantBuild, product: Product): string {
  const id = JSON.stringify([target, Object.entries(settings).sort(), product !== "kernel"]);
  let stem = stems.get(id);
  if (stem === undefined) {
    const hash = createHash("sha256").update(id);
    for (const path of [...kernelSources(), ...(product === "kernel" ? [] : twinSources())]) {
      hash.update(`\0${relative(ROOT, path)}\0`).update(readSource(path));
    }
    hash.update(compilers());
    stem = `kernel-${target}-${hash.digest("hex").slice(0, 16)}`;
    stems.set(id, stem);
  }
  return stem;
}

function kernelSources(): readonly string[] {
  const folder = join(ROOT, "assembly");
  if (!existsSync(folder)) throw noSources(folder);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const own = files.filter((file) => file.endsWith(".ts") && !/^explorer\b/.test(file)).sort();
  return [...own.map((file) => join(folder, file)), ...TOOLS.map((file) => join(ROOT, file))];
}

const twinSources = (): readonly string[] =>
  TWIN_TOOLS.map((name) => join(ROOT, `dist/engine/explore/${name}.js`));

function readSource(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    throw noSources(path);
  }
}

const noSources = (path: string): ConfigError =>
  new ConfigError(`a kernel of your own needs the sources of racier, and ${path} is missing`);

/** The versions of the compilers that racier was made with; COMPILE refuses others. */
function compilers(): string {
  const text = readSource(join(ROOT, "package.json")).toString("utf8");
  const { peerDependencies } = JSON.parse(text) as { readonly peerDependencies: unknown };
  return JSON.stringify(peerDependencies);
}

function compile({ name, target, settings }: VariantBuild, stem: string, product: Product): void {
  const shows = process.stderr.isTTY;
  if (shows) process.stderr.write(`racier: compiling ${name}, which is kept for the next time ...`);
  const order = JSON.stringify({ target, settings, stem, product });
  const child = spawnSync(process.execPath, [join(ROOT, COMPILE), order], {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  if (shows) process.stderr.write("\r\x1b[K");
  if (child.status === 0) return;
  if (child.status === REFUSED) throw new ConfigError(`${name}: ${child.stderr.trim()}`);
  // Ctrl-C reaches the compiler too.
  if (child.signal === "SIGINT" || child.signal === "SIGTERM") {
    throw new Interrupted(`interrupted while ${name} was compiled: nothing was done`);
  }
  const why = child.error?.message ?? child.signal ?? child.stderr.trim();
  throw new ConfigError(`${name} could not be compiled: ${why}`);
}
