// The AssemblyScript compiler as a library. It is no dependency: most of racier does without.

import { ConfigError } from "../kernel/error.ts";

/** What `asc` is called with, and what it answers. */
export type Asc = typeof import("assemblyscript/asc").default;

/**
 * Loads the compiler.
 * @param purpose what it is needed for, as in "to explore a file"
 * @throws ConfigError when it is not installed
 */
export async function loadAsc(purpose: string): Promise<Asc> {
  try {
    return (await import("assemblyscript/asc")).default;
  } catch (error) {
    throw missingCompiler(error, purpose);
  }
}

/** What to say when the compiler could not be imported; any other error as it is. */
export function missingCompiler(error: unknown, purpose: string): unknown {
  if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") return error;
  const wayOut = "install it: npm install assemblyscript@0.28.20";
  return new ConfigError(`${purpose} the AssemblyScript compiler is needed; ${wayOut}`);
}
