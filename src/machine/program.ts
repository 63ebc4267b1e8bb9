// What runs on a machine: a program is a plain synchronous function of one file, loaded on every
// CPU. It sees the machine only through its Task. State that outlives a call lies in the machine's
// memory or in `task.shared`.

import { pathToFileURL } from "node:url";
import { existsSync } from "node:fs";
import { ConfigError } from "../kernel/error.ts";
import type { ProgramTask } from "./task.ts";

/**
 * A program: runs on one CPU until it returns; its result goes to whoever started it from the host.
 */
export type Program = (task: ProgramTask, ...args: number[]) => unknown;

/** Where a program comes from: the exports of a module. */
export interface ProgramModule {
  /** URL or path of the module. */
  readonly module: string | URL;
  /** Which exports are programs. @defaultValue ["default"] */
  readonly programs?: readonly string[];
}

/** A program in a machine's table. */
export interface ProgramEntry {
  readonly id: number;
  readonly name: string;
  readonly url: string;
}

/**
 * The URL of a program module of ours, given beside `from` (an import.meta.url) without its ending.
 * Workers load the built one even when the host runs from the sources: Node 20 cannot load
 * TypeScript in a worker.
 */
export function ownModule(path: string, from: string): URL {
  const url = new URL(`${path}.js`, from);
  if (from.endsWith(".ts")) url.pathname = url.pathname.replace("/src/", "/dist/");
  return url;
}

/** The URL of a module given as URL or path; checked to exist. Throws ConfigError. */
export function moduleUrl(module: string | URL): string {
  const url = module instanceof URL ? module : new URL(module, pathToFileURL(`${process.cwd()}/`));
  if (url.protocol === "file:" && !existsSync(url)) {
    throw new ConfigError(`there is no program file ${String(module)}: check the path`);
  }
  return url.href;
}

function needsTranspiler(url: string): boolean {
  const features = process.features as { typescript?: unknown };
  return /\.m?ts$/.test(url) && !features.typescript;
}

/** Imports a module, TypeScript too. Throws ConfigError with what the loader said. */
export async function importModule(url: string): Promise<Record<string, unknown>> {
  try {
    if (needsTranspiler(url)) {
      const { createJiti } = await import("jiti");
      return await createJiti(import.meta.url).import(url);
    }
    return (await import(url)) as Record<string, unknown>;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new ConfigError(`the program file ${url} cannot be loaded: ${reason}`);
  }
}

/** The program that a module exports as `name`. Throws ConfigError when it does not. */
export async function importProgram(entry: ProgramEntry): Promise<Program> {
  const exports = await importModule(entry.url);
  const program = exports[entry.name];
  if (typeof program === "function") return program as Program;
  const found = Object.keys(exports).filter((name) => typeof exports[name] === "function");
  const others = found.length > 0 ? `it exports ${found.join(", ")}` : "it exports no function";
  throw new ConfigError(`${entry.url} does not export a function "${entry.name}": ${others}`);
}
