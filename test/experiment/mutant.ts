// Kernels that are broken on purpose: one sentence of the source says something else. The
// replacement must fit exactly once, so that a mutant cannot quietly become the kernel itself.
// Compiled without optimisation, and cached by all sources.

import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileSources } from "../support/asc.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Without optimisation, so that it is compiled soon. */
const PLAIN = ["--optimizeLevel", "0", "--shrinkLevel", "0", "--debug"];
const CACHE = join(ROOT, "node_modules/.cache/racier");

/** One change of one file. */
export interface Mutation {
  /** In assembly/, such as "mm/copy.ts". */
  readonly file: string;
  /** What stands there, exactly once. */
  readonly from: string;
  /** What is to stand there. */
  readonly to: string;
}

/** Text with the change made. Throws unless it fits exactly once. */
export function mutate(text: string, { file, from, to }: Mutation): string {
  const found = text.split(from).length - 1;
  if (found !== 1) throw new Error(`${file} has ${found} times: ${from}`);
  return text.replace(from, to);
}

/** Sources of the kernel by path, with the change made. */
function sourcesWith(mutations: readonly Mutation[]): Map<string, string> {
  const files = readdirSync(join(ROOT, "assembly"), { recursive: true, encoding: "utf8" });
  const sources = new Map<string, string>();
  for (const file of files.filter((name) => name.endsWith(".ts")).sort()) {
    const text = readFileSync(join(ROOT, "assembly", file), "utf8");
    const own = mutations.filter((mutation) => mutation.file === file);
    sources.set(`assembly/${file}`, own.reduce(mutate, text));
  }
  const unknown = mutations.find(({ file }) => !files.includes(file));
  if (unknown !== undefined) throw new Error(`there is no assembly/${unknown.file}`);
  return sources;
}

/** The kernel `target` of asconfig.json with changes. */
export async function mutantKernel(
  target: string,
  mutations: readonly Mutation[],
): Promise<WebAssembly.Module> {
  const sources = sourcesWith(mutations);
  const config = readFileSync(join(ROOT, "asconfig.json"), "utf8");
  const hash = createHash("sha256").update(JSON.stringify([target, config, [...sources]]));
  const path = join(CACHE, `mutant-${hash.digest("hex").slice(0, 32)}.wasm`);
  if (!existsSync(path)) {
    mkdirSync(CACHE, { recursive: true });
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, await compileSources(["--target", target, ...PLAIN], config, sources));
    renameSync(draft, path);
  }
  return new WebAssembly.Module(readFileSync(path));
}
