// src/layout/structs.gen.ts against a second opinion. The transform asks the compiler's internals; here the
// compiled program itself answers, with offsetof() and the values of its constants, and the names to ask
// for are read from the sources as text.

import { beforeAll, describe, expect, test } from "vitest";
import * as generated from "../src/layout/structs.gen.ts";
import { type Constant, load } from "./kernel/compile.ts";
import { filesIn } from "./tidy/source.ts";

interface Named {
  readonly file: string;
  readonly name: string;
}
interface Struct extends Named {
  readonly fields: readonly string[];
}

// The explorer and the lock lab share no struct with the host.
const kernel = filesIn(["assembly"], [".ts"]).filter(
  ({ path }) => !/^assembly\/(explorer|lab)\//.test(path),
);
const listed = new Set(
  [...textOf("assembly/structs.ts").matchAll(/^import "\.\/(.+)";/gm)].map(
    ([, path]) => `assembly/${path ?? ""}.ts`,
  ),
);
const structs = kernel.flatMap((file) => structsIn(file.path, file.text));
const constants = kernel
  .filter(({ path }) => listed.has(path))
  .flatMap(({ path, text }) =>
    [...text.matchAll(/^export const (\w+)/gm)].map(([, name]) => ({
      file: path,
      name: name ?? "",
    })),
  );
const host: Readonly<Record<string, unknown>> = generated;

describe.each(["2.6.8", "2.6.9-check"])("%s", (target) => {
  let kernelSays: ReadonlyMap<string, unknown>;

  beforeAll(async () => {
    const { call } = await load<Record<string, Constant>>({ target, source: question() });
    kernelSays = new Map(Object.entries(call).map(([name, { value }]) => [name, value]));
  });

  test("every struct has the size and the offsets that offsetof() gives", () => {
    expect(structs.length).toBeGreaterThan(10);
    for (const { name, fields } of structs) {
      const keys = ["SIZE", ...fields];
      const entries = keys.map((key) => [key, kernelSays.get(`${name}__${key}`)] as const);
      expect({ [name]: host[name] }).toEqual({ [name]: Object.fromEntries<unknown>(entries) });
    }
  });

  test("every constant that is the same in all kernels has the kernel's value", () => {
    const shared = constants.filter(({ name }) => name in host);
    expect(shared.length).toBeGreaterThan(50);
    for (const { name } of shared) {
      const value = kernelSays.get(`const__${name}`);
      expect({ [name]: asWasm(host[name], typeof value) }).toEqual({ [name]: value });
    }
  });
});

test("the host has no struct and no constant that the kernel has not", () => {
  const known = new Set([...structs, ...constants].map(({ name }) => name));
  // Of the marks, not of the layout.
  known.add("ATOMIC_FIELDS");
  expect(Object.keys(host).filter((name) => !known.has(name))).toEqual([]);
});

test("the fields that are marked atomic are those of the sources, in structs that are there", () => {
  expect(Object.keys(generated.ATOMIC_FIELDS).length).toBeGreaterThan(5);
  for (const { file, name } of structs) {
    const body =
      new RegExp(`export class ${name} \\{\n([^]*?)^\\}`, "m").exec(textOf(file))?.[1] ?? "";
    const marked = [...body.matchAll(/@atomic(?: private)? (\w+):/g)].map(([, field]) => field);
    expect({ [name]: generated.ATOMIC_FIELDS[name] ?? [] }).toEqual({ [name]: marked });
  }
});

/** A program whose exported constants are the answers. */
function question(): string {
  const lines = [
    ...structs.map((one) => importOf(one)),
    ...structs.flatMap(({ name, fields }) => [
      `export const ${name}__SIZE: u32 = offsetof<${name}>();`,
      ...fields.map(
        (field) => `export const ${name}__${field}: u32 = offsetof<${name}>("${field}");`,
      ),
    ]),
    ...constants
      .filter(({ name }) => name in host)
      .flatMap((one) => [importOf(one), `export const const__${one.name} = ${one.name};`]),
  ];
  return lines.join("\n");
}

function importOf({ file, name }: Named): string {
  return `import { ${name} } from "./${file.replace(/\.ts$/, "")}";`;
}

/** wasm integers have no sign, and i64 is a BigInt: how a number of the host reads over there. */
function asWasm(value: unknown, type: string): unknown {
  if (type === "bigint") return BigInt.asIntN(64, BigInt(value as number | bigint));
  return Number.isInteger(value) ? (value as number) | 0 : value;
}

function textOf(path: string): string {
  return kernel.find((file) => file.path === path)?.text ?? "";
}

/** Exported @unmanaged classes with fields, not generic; by the text alone. */
function structsIn(file: string, text: string): Struct[] {
  const classes = text.matchAll(/^@unmanaged[^{]*?\bexport class (\w+) \{\n([^]*?)^\}/gm);
  return [...classes]
    .map(([, name, body]) => ({ file, name: name ?? "", fields: fieldsIn(body ?? "") }))
    .filter(({ fields }) => fields.length > 0);
}

function fieldsIn(body: string): string[] {
  const declarations = body.matchAll(/^ {2}(?:@\w+(?:\([^)]*\))? +)*(?:private +)?(\w+): \w+;/gm);
  return [...declarations].map(([, name]) => name ?? "");
}
