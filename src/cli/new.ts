// `racier new`: writes a file of yours to begin with, which is right as it stands.

import { copyFileSync, constants } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { ConfigError } from "../kernel/error.ts";

/** What can be written, and the document that explains it. */
const TEMPLATES = {
  notifier: { file: "docs/examples/notifier/mirror.ts", document: "docs/writing-a-notifier.md" },
} as const;

/** Copies a template; never over a file that is there. Throws ConfigError. */
function write(kind: string, path: string): void {
  const template = Object.entries(TEMPLATES).find(([name]) => name === kind)?.[1];
  if (template === undefined) {
    const known = Object.keys(TEMPLATES).join(", ");
    throw new ConfigError(`there is no template "${kind}": there are ${known}`);
  }
  const from = fileURLToPath(new URL(`../../${template.file}`, import.meta.url));
  try {
    copyFileSync(from, path, constants.COPYFILE_EXCL);
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === "EEXIST";
    const reason = exists ? "is there already" : "cannot be written";
    throw new ConfigError(`${path} ${reason}: give another name`);
  }
  process.stdout.write(`${path} written; ${template.document} explains it\n`);
}

/** The subcommand. */
export function newCommand(): Command {
  return new Command("new")
    .description("writes a file of yours to begin with: a client of MMU notifiers")
    .argument("<kind>", Object.keys(TEMPLATES).join(", "))
    .argument("<file>", "where to, such as my-notifier.ts")
    .action(write);
}
