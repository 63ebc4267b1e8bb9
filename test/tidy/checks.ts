// What the code base promises and no linter can say. Each check takes files and answers with complaints,
// one sentence each, so that a test can feed it a bad example as well as the tree.

import { posix } from "node:path";
import ts from "typescript";
import { type SourceFile, functionsOf, lineAt, nodesBelow, parse } from "./source.ts";

const MOST_LINES = { file: 400, function: 60 };

/** Files over 400 lines and functions over 60, but for those that `exceptions` names with a reason. */
export function tooLong(
  files: readonly SourceFile[],
  exceptions: Readonly<Record<string, string>>,
): string[] {
  const long = files.flatMap((file) => {
    const lines = file.text.trimEnd().split("\n").length;
    const functions = functionsOf(file)
      .filter(({ name, lines }) => lines > MOST_LINES.function && !name.startsWith("describe"))
      .map(({ name, lines }) => ({ key: `${file.path} ${name}`, lines }));
    return [...(lines > MOST_LINES.file ? [{ key: file.path, lines }] : []), ...functions];
  });
  const stale = Object.keys(exceptions).filter((key) => !long.some((one) => one.key === key));
  return [
    ...long
      .filter(({ key }) => !(key in exceptions))
      .map(({ key, lines }) => `${key} has ${lines} lines: split it, or give the reason`),
    ...stale.map((key) => `${key} is not long any more: take it off the list of exceptions`),
  ];
}

/** Fields of @unmanaged classes without a sentence. */
export function fieldsWithoutSentence(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    [...nodesBelow(parse(file))]
      .filter((node) => ts.isClassDeclaration(node))
      .filter((node) => decoratorsOf(node).includes("unmanaged"))
      .flatMap((node) => node.members.filter((member) => ts.isPropertyDeclaration(member)))
      .filter((field) => !/[^\s*/][^]*[.:]\s*\*\/$/.test(commentAbove(file, field)))
      .map((field) => `${place(file, field.getStart())}: ${field.name.getText()} has no sentence`),
  );
}

/** Ordering comments whose partner does not exist or does not name them back, and calls without one. */
export function unpaired(files: readonly SourceFile[]): string[] {
  const all = files.flatMap((file) => functionsOf(file).map((one) => ({ ...one, file })));
  const partners = (text: string): string[] =>
    [...text.matchAll(/Pairs with ([^:.]*)/g)].flatMap(([, names]) =>
      [...(names ?? "").matchAll(/(\w+)\(\)/g)].map(([, name]) => name ?? ""),
    );
  return all.flatMap((one) => {
    const where = `${one.file.path}:${one.line}: ${one.name}()`;
    const wrong = partners(one.text).flatMap((name) => {
      const named = all.filter((other) => other.name === name);
      if (named.length === 0) return [`${where} pairs with ${name}(), which does not exist`];
      if (named.some((other) => partners(other.text).includes(one.name))) return [];
      return [`${where} pairs with ${name}(), which does not name it back`];
    });
    const silent =
      /\bsmp_(mb|load_acquire|store_release)\b.*\(/.test(one.text) &&
      !one.file.path.startsWith("assembly/arch/") &&
      !one.text.includes("Pairs with");
    return silent ? [...wrong, `${where} orders memory and does not say with whom`] : wrong;
  });
}

/** Modules that no other module imports, or loads as a worker or a program. `entries` are started by users and tools. */
export function unused(files: readonly SourceFile[], entries: readonly string[]): string[] {
  const reached = new Set(entries);
  for (const file of files) {
    for (const [, name] of file.text.matchAll(
      /(?:\bfrom|\bimport|\bURL|\bownModule)\s*\(?"(\.[^"]+)"/g,
    )) {
      const path = posix.join(posix.dirname(file.path), name ?? "");
      for (const candidate of [path, `${path}.ts`, path.replace(/\.js$/, ".ts")]) {
        if (candidate !== file.path) reached.add(candidate);
      }
    }
  }
  return files
    .filter(({ path }) => !reached.has(path) && !path.endsWith(".d.ts"))
    .map(({ path }) => `${path} is imported by nobody`);
}

const LEFT_OVER = new RegExp(
  `\\b(${["TO" + "DO", "FIX" + "ME", "X".repeat(3)].join("|")})\\b`,
  "g",
);

/** Marks of work that was put off. */
export function leftOver(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    [...file.text.matchAll(LEFT_OVER)].map((found) => `${place(file, found.index)}: ${found[0]}`),
  );
}

/** Files that do not begin by saying what they are. */
export function withoutHead(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ text }) => !/^(#!.*\n)?(\/\/ \S|\/\*\*? ?\n? ?\*? ?\S)/.test(text))
    .map(({ path }) => `${path} does not begin with a comment that says what it models or does`);
}

/** Tables whose first column is headed "kernel" and does not list exactly the kernels of the catalogue. */
export function wrongKernelTables(
  documents: readonly SourceFile[],
  kernels: readonly string[],
): string[] {
  return documents.flatMap((file) =>
    [...file.text.matchAll(/^\| *kernel *\|.*\n\|[-: |]+\n((?:\|.*\n?)+)/gim)].flatMap((found) => {
      const listed = (found[1] ?? "")
        .trim()
        .split("\n")
        .map((row) => (row.split("|")[1] ?? "").replaceAll("`", "").trim());
      const missing = kernels.filter((name) => !listed.includes(name));
      const unknown = listed.filter((name) => !kernels.includes(name));
      return [
        ...missing.map((name) => `${place(file, found.index)}: the table does not list ${name}`),
        ...unknown.map(
          (name) => `${place(file, found.index)}: the catalogue has no kernel ${name}`,
        ),
      ];
    }),
  );
}

function place(file: SourceFile, position: number): string {
  return `${file.path}:${lineAt(file.text, position)}`;
}

function decoratorsOf(node: ts.ClassDeclaration): string[] {
  return (ts.getDecorators(node) ?? []).map((one) => one.expression.getText());
}

/** The last comment that stands directly above a node. */
function commentAbove(file: SourceFile, node: ts.Node): string {
  const range = ts.getLeadingCommentRanges(file.text, node.pos)?.at(-1);
  return range === undefined ? "" : file.text.slice(range.pos, range.end);
}
