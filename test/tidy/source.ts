// The files of the tree as data, for checks that say something about all of them. AssemblyScript is read
// with TypeScript's parser, which takes its decorators where a compiler would not.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** One text file, by its path from the top of the tree. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** A function with a body. */
export interface FoundFunction {
  /** "(anonymous)" when nothing names it. */
  readonly name: string;
  /** First line, from 1. */
  readonly line: number;
  readonly lines: number;
  /** The comment above it and its text. */
  readonly text: string;
}

/** All files below `folders` that end in one of `endings`, without what is generated. */
export function filesIn(folders: readonly string[], endings: readonly string[]): SourceFile[] {
  return folders
    .filter((folder) => existsSync(join(ROOT, folder)))
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
        .map((entry) => relative(ROOT, join(entry.parentPath, entry.name))),
    )
    .filter((path) => !path.includes(".gen.") && !path.startsWith("docs/api/"))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
}

/** Files at the top of the tree, as far as they exist. */
export function topFiles(names: readonly string[]): SourceFile[] {
  return names
    .filter((name) => existsSync(join(ROOT, name)))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
}

export function parse(file: SourceFile): ts.SourceFile {
  return ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true);
}

/** Every node below `node`, in the order of the text. */
export function* nodesBelow(node: ts.Node): Generator<ts.Node> {
  for (const child of node.getChildren()) {
    yield child;
    yield* nodesBelow(child);
  }
}

/** Functions, methods and function expressions, with their bodies. */
export function functionsOf(file: SourceFile): FoundFunction[] {
  const source = parse(file);
  return [...nodesBelow(source)].filter(isFunctionWithBody).map((node) => {
    const first = source.getLineAndCharacterOfPosition(node.getStart()).line;
    const last = source.getLineAndCharacterOfPosition(node.end).line;
    const text = file.text.slice(node.pos, node.end);
    return { name: nameOf(node), line: first + 1, lines: last - first + 1, text };
  });
}

/** Line of a position in a file, from 1. */
export function lineAt(text: string, position: number): number {
  return text.slice(0, position).split("\n").length;
}

function isFunctionWithBody(node: ts.Node): node is ts.FunctionLikeDeclaration {
  return ts.isFunctionLike(node) && "body" in node && node.body !== undefined;
}

/** Its own name; or of the constant it is given to; or of the call it is an argument of. */
function nameOf(node: ts.FunctionLikeDeclaration): string {
  if (ts.isConstructorDeclaration(node)) return "constructor";
  if (node.name !== undefined) return node.name.getText();
  const { parent } = node;
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) {
    return parent.name.getText();
  }
  if (ts.isCallExpression(parent)) return `${parent.expression.getText()}(...)`;
  return "(anonymous)";
}
