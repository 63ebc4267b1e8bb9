// `racier kernels`: which kernels there are and what can be chosen for them.

import { Command } from "commander";
import { threadsEngine } from "../engine/threads/engine.ts";
import { kernelMemory } from "../experiment/memory.ts";
import { GENERATIONS, SWITCHES } from "../kernel/catalogue.ts";
import { racierVersion } from "../experiment/version.ts";
import { alignedTable } from "../report/table.ts";

const round = (bytes: number): string =>
  Number.isInteger(bytes) ? String(bytes) : bytes.toFixed(1);

/** Bytes of each generation, counted now. */
async function printMemory(isJson: boolean): Promise<void> {
  const kernels = GENERATIONS.map(({ name }) => name);
  const memory = await kernelMemory(kernels, threadsEngine);
  if (isJson) {
    const doc = { command: "kernels", version: racierVersion(), memory };
    process.stdout.write(`${JSON.stringify(doc, null, 2)}\n`);
    return;
  }
  const head = ["kernel", "VMA", "first PTE of a page", "second", "each of 17", "forked process"];
  const columns = head.map((header, i) => ({ header, align: i === 0 ? "left" : "right" }) as const);
  const rows = memory.map(({ kernel, ...cost }) => [
    kernel,
    ...[cost.vma, cost.firstMapping, cost.secondMapping, cost.manyMappings, cost.process].map(
      round,
    ),
  ]);
  process.stdout.write(
    `${alignedTable(columns, rows)}\nbytes of slab objects; struct page is the same in all\n`,
  );
}

async function print(options: { json?: boolean; memory?: boolean }): Promise<void> {
  if (options.memory) {
    await printMemory(options.json === true);
    return;
  }
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
    .option("--memory", "bytes that a VMA and a mapping cost in each generation, counted now")
    .option("--json", "one JSON document on standard output")
    .action(print);
}
