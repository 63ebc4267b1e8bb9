// `racier new`: writes a file of yours to begin with, which is right as it stands.

import { readFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Command } from "commander";
import { ConfigError } from "../kernel/error.ts";
import { LOCK_TEMPLATE } from "../lab/template.ts";

interface Template {
  /** What is written. */
  readonly text: () => string;
  /** The document that explains it. */
  readonly document: string;
  /** What to do with the file. */
  readonly next: (path: string) => readonly string[];
  /** Where to, when nothing is said. */
  readonly path: string;
}

const MIRROR = new URL("../../docs/examples/notifier/mirror.ts", import.meta.url);

/** What can be written. */
const TEMPLATES: Readonly<Record<string, Template>> = {
  notifier: {
    text: () => readFileSync(MIRROR, "utf8"),
    document: "docs/writing-a-notifier.md",
    next: () => [],
    path: "./my-notifier.ts",
  },
  lock: {
    text: () => LOCK_TEMPLATE,
    document: "docs/writing-a-lock.md",
    next: (path) => [
      "npm install assemblyscript@0.28.20 binaryen@131.0.0-nightly.20260721",
      `racier explore ${path}`,
      `racier locks ${path}`,
    ],
    path: "./my-lock.ts",
  },
};

/** Writes a template; never over a file that is there. Throws ConfigError. */
function write(kind: string, given: string | undefined): void {
  const template = Object.entries(TEMPLATES).find(([name]) => name === kind)?.[1];
  if (template === undefined) {
    const known = Object.keys(TEMPLATES).join(", ");
    throw new ConfigError(`there is no template "${kind}": there are ${known}`);
  }
  const path = given ?? template.path;
  if (!path.endsWith(".ts")) throw new ConfigError(`${path}: its name must end in .ts`);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, template.text(), { flag: "wx" });
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === "EEXIST";
    const reason = exists ? "is there already" : "cannot be written";
    throw new ConfigError(`${path} ${reason}: give another name`);
  }
  const next = template.next(/[/\\]/.test(path) ? path : `./${path}`);
  const lines = [
    `${path} written; ${template.document} explains it`,
    ...next.map((one) => `  ${one}`),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** The subcommand. */
export function newCommand(): Command {
  return new Command("new")
    .description("writes a file of yours to begin with: a lock, a client of MMU notifiers")
    .argument("<kind>", Object.keys(TEMPLATES).join(", "))
    .argument("[file]", "where to, such as my-lock.ts (default: ./my-KIND.ts)")
    .action(write);
}
