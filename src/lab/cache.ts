// What was compiled before: in this process, and in a folder of the user's cache, under a hash of all that
// went into it. Which files those are is only known afterwards, so an entry lists them with their hashes
// and is good as long as they are as they were. A cache that cannot be read or written does no harm.
// Kernels are kept otherwise (src/kernel/variant-cache.ts): their files are known beforehand, and they are wanted in
// the middle of synchronous code.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { userCacheFolder } from "../kernel/cache-folder.ts";

/** What is kept: a binary, and some words about it. */
export interface Product {
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly notes: readonly string[];
}

type ReadFile = (file: string) => string | null;

interface Kept {
  readonly notes: readonly string[];
  readonly wasm: string;
  /** Hashes of the files that were asked for; null: there was none. */
  readonly files: Readonly<Record<string, string | null>>;
}

const inProcess = new Map<string, { kept: Kept; product: Product }>();

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/**
 * Gives the product of `make`, which reads its files with the function that it is given.
 * @param key everything else that the product depends on; can be written as JSON
 */
export async function cached(
  key: object,
  read: ReadFile,
  make: (readFile: ReadFile) => Promise<Product>,
): Promise<Product> {
  const name = hashOf(JSON.stringify(key));
  const isGood = ({ files }: Kept): boolean =>
    Object.entries(files).every(([file, hash]) => {
      const text = read(file);
      return (text === null ? null : hashOf(text)) === hash;
    });
  const known = inProcess.get(name) ?? load(name);
  if (known !== undefined && isGood(known.kept)) {
    inProcess.set(name, known);
    return known.product;
  }
  const files: Record<string, string | null> = {};
  const product = await make((file) => {
    const text = read(file);
    files[file] = text === null ? null : hashOf(text);
    return text;
  });
  const wasm = Buffer.from(product.wasm).toString("base64");
  const kept = { notes: product.notes, wasm, files };
  inProcess.set(name, { kept, product });
  store(name, kept);
  return product;
}

function load(name: string): { kept: Kept; product: Product } | undefined {
  try {
    const kept = JSON.parse(readFileSync(join(userCacheFolder(), `${name}.json`), "utf8")) as Kept;
    const wasm = new Uint8Array(Buffer.from(kept.wasm, "base64"));
    return { kept, product: { wasm, notes: kept.notes } };
  } catch {
    return undefined;
  }
}

function store(name: string, kept: Kept): void {
  try {
    mkdirSync(userCacheFolder(), { recursive: true });
    const path = join(userCacheFolder(), `${name}.json`);
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, JSON.stringify(kept));
    renameSync(draft, path);
  } catch {
    // The next run compiles again.
  }
}
