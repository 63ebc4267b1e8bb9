// Lets node run a bench: `node --import ./src/build/ts-loader.mjs bench/fork.bench.ts`. An import from
// src/ gives the built file of dist/, so that what is measured is what users run; types are stripped from
// the bench itself.

import { readFile } from "node:fs/promises";
import { register } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isMainThread } from "node:worker_threads";
import { fromRoot } from "./project.mjs";

const SOURCES = pathToFileURL(fromRoot("src/")).href;
const PRODUCTS = pathToFileURL(fromRoot("dist/")).href;

// Node loads this file a second time, in a thread of its own, to call the hooks below.
if (isMainThread) register(import.meta.url);

export async function resolve(specifier, context, next) {
  const isRelative = /^\.{1,2}\//.test(specifier) && context.parentURL !== undefined;
  if (!isRelative) return next(specifier, context);
  const { href } = new URL(specifier, context.parentURL);
  if (!href.startsWith(SOURCES) || !href.endsWith(".ts")) return next(specifier, context);
  return next(`${PRODUCTS}${href.slice(SOURCES.length, -".ts".length)}.js`, context);
}

export async function load(url, context, next) {
  if (!url.endsWith(".ts")) return next(url, context);
  const { default: ts } = await import("typescript");
  const path = fileURLToPath(url);
  const { outputText } = ts.transpileModule(await readFile(path, "utf8"), {
    fileName: path,
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      inlineSourceMap: true,
    },
  });
  return { format: "module", source: outputText, shortCircuit: true };
}
