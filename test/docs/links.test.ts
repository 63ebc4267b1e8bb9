// Links between documents lead somewhere, and files that a document names exist.

import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT, type SourceFile } from "../tidy/source.ts";
import { anchors, codeSpans, documents, links } from "./markdown.ts";

/** Relative links that lead nowhere. */
function brokenLinks(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    links(file.text)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !leadsSomewhere(file, target, files))
      .map((target) => `${file.path}: ${target}`),
  );
}

function leadsSomewhere(from: SourceFile, target: string, files: readonly SourceFile[]): boolean {
  const [path = "", anchor] = target.split("#");
  const full = path === "" ? from.path : posix.join(posix.dirname(from.path), path);
  if (!existsSync(join(ROOT, full)) && !files.some((file) => file.path === full)) return false;
  if (anchor === undefined) return true;
  const document = files.find((file) => file.path === full);
  return document !== undefined && anchors(document.text).includes(anchor);
}

/** Paths of the tree in backticks that do not exist. */
function missingFiles(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    codeSpans(file.text)
      .filter((code) => /^(assembly|src|test|bench|docs)\/[\w./-]*$/.test(code))
      .filter((path) => path !== "docs/api/")
      .filter((path) => !existsSync(join(ROOT, path)) && !existsSync(join(ROOT, `${path}.ts`)))
      .map((path) => `${file.path}: ${path}`),
  );
}

describe("links lead somewhere", () => {
  test("in every document", () => {
    expect(brokenLinks(documents)).toEqual([]);
  });

  test("a missing file and a missing heading are found", () => {
    const text = "# A title: `x`\n[a](no.md) [b](#a-title-x) [c](#b) [d](https://example.org/no)";
    expect(brokenLinks([{ path: "docs/x.md", text }])).toEqual([
      "docs/x.md: no.md",
      "docs/x.md: #b",
    ]);
  });
});

describe("files that are named exist", () => {
  test("in every document", () => {
    expect(missingFiles(documents)).toEqual([]);
  });

  test("a file that is gone is found", () => {
    const text = "`src/index.ts`, `src/engine/contract`, `assembly/mm/gone.ts` and `mm/fork.ts`";
    expect(missingFiles([{ path: "docs/x.md", text }])).toEqual(["docs/x.md: assembly/mm/gone.ts"]);
  });
});
