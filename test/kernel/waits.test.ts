// V8's quick compiler loses the locals of a function that waits (decision 0017). So in the kernels that are shipped a
// wait stands in a function that does nothing else, and neither the compiler nor the optimiser has moved it.

import { readFileSync } from "node:fs";
import binaryen from "binaryen";
import { describe, expect, test } from "vitest";

/** Functions of a module that wait. */
function waiting(wasm: Uint8Array): string[] {
  const module = binaryen.readBinary(wasm);
  const functions = module.emitText().split(/\n(?= \(func )/);
  module.dispose();
  return functions
    .filter((text) => text.includes("memory.atomic.wait"))
    .map((text) => /\(func \$(\S+)/.exec(text)?.[1] ?? text.slice(0, 60));
}

describe("a function that waits does nothing else", () => {
  test.each(["2.6.8", "2.6.8-check", "2.6.9", "2.6.9-check"])("%s", (name) => {
    const wasm = readFileSync(new URL(`../../build/kernel-${name}.wasm`, import.meta.url));

    const found = waiting(wasm);

    // Release builds have no names.
    expect(found).toHaveLength(1);
    if (name.endsWith("-check")) expect(found).toEqual(["assembly/arch/wait/word_wait"]);
  });
});
