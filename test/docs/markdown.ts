// Just enough of Markdown to compare documents with the code: links, headings, tables, code blocks.

import { filesIn, topFiles, type SourceFile } from "../tidy/source.ts";

/** A fenced block of code. */
export interface CodeBlock {
  /** "js", "sh", or "" when the fence names none. */
  readonly language: string;
  readonly text: string;
}

/** Every document of the project, without what typedoc writes. */
export const documents: readonly SourceFile[] = [
  ...topFiles(["README.md", "CHANGELOG.md"]),
  ...filesIn(["docs"], [".md"]),
];

/** One document, by its path. */
export function documentOf(path: string): string {
  const found = documents.find((one) => one.path === path);
  if (found === undefined) throw new Error(`${path} is not a document`);
  return found.text;
}

/** Fenced blocks, in order. */
export function codeBlocks(text: string): CodeBlock[] {
  return [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(([, language = "", code = ""]) => ({
    language,
    text: code,
  }));
}

/** What is not in a fenced block. */
export function prose(text: string): string {
  return text.replace(/^```\w*\n[^]*?^```$/gm, "");
}

/** Targets of links. */
export function links(text: string): string[] {
  return [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
}

/** Names that links can point to: headings as GitHub spells them. */
export function anchors(text: string): string[] {
  return [...prose(text).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{Letter}\p{Number}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** Words in backticks. */
export function codeSpans(text: string): string[] {
  return [...prose(text).matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);
}

/** The rows of the first table whose head begins with `head`, cell by cell. */
export function table(text: string, ...head: readonly string[]): string[][] {
  for (const [found] of prose(text).matchAll(/(^\|.*\|\n)+/gm)) {
    const [names = [], , ...rows] = found.trim().split("\n").map(cells);
    if (head.every((name, column) => names[column] === name)) return rows;
  }
  throw new Error(`there is no table with the columns ${head.join(", ")}`);
}

function cells(row: string): string[] {
  return row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}
