// The AssemblyScript compiler over sources that are given by path, for kernels that a test changes.

/** Compiles with the command line `args` and the given asconfig.json. Throws with what asc said. */
export async function compileSources(
  args: readonly string[],
  config: string,
  sources: ReadonlyMap<string, string>,
): Promise<Uint8Array> {
  const { default: asc } = await import("assemblyscript/asc");
  let wasm: Uint8Array | undefined;
  let messages = "";
  const { error } = await asc.main([...args, "--outFile", "out.wasm", "--baseDir", "."], {
    readFile: (name) => (name === "asconfig.json" ? config : (sources.get(name) ?? null)),
    writeFile: (_name, contents) => {
      if (contents instanceof Uint8Array) wasm = contents;
    },
    listFiles: () => [],
    stderr: {
      write: (chunk) => {
        messages += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
      },
    },
  });
  if (error !== null || wasm === undefined) throw new Error(`asc:\n${messages}`);
  return wasm;
}
