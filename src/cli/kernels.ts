// `racier kernels`: which kernels there are and what can be chosen for them.

import { Command } from "commander";
import { GENERATIONS, SWITCHES } from "../kernel/catalogue.ts";
import { racierVersion } from "../experiment/version.ts";
import { alignedTable } from "../report/table.ts";

function print(options: { json?: boolean }): void {
  if (options.json) {
    const doc = {
      command: "kernels",
      version: racierVersion(),
      kernels: GENERATIONS,
      switches: SWITCHES,
    };
    process.stdout.write(`${JSON.stringify(doc, null, 2)}\n`);
    return;
  }
  const kernels = GENERATIONS.map(({ name, released, anonymousRmap, mapcount, lockOrder }) => [
    name,
    released,
    anonymousRmap,
    mapcount,
    lockOrder,
  ]);
  const switches = SWITCHES.map(({ name, values, meaning }) => [name, values, meaning]);
  process.stdout.write(
    `${alignedTable(["kernel", "released", "anonymous rmap", "mapcount", "lock order"], kernels)}\n` +
      `${alignedTable(["switch", "values", "meaning"], switches)}\n`,
  );
}

/** The subcommand. */
export function kernelsCommand(): Command {
  return new Command("kernels")
    .description("list the kernels and their switches")
    .option("--json", "one JSON document on standard output")
    .action(print);
}
