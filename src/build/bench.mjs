// Runs benches one after another: `npm run bench -- [--full] [NAME...]`. NAME is part of a file name of
// bench/. Smoke values unless --full (or BENCH=full) is given. Fails if one of them does.

import { spawnSync } from "node:child_process";
import { basename } from "node:path";
import { ROOT, filesBelow } from "./project.mjs";

const names = process.argv.slice(2).filter((word) => word !== "--full");
const full = process.argv.includes("--full") || process.env["BENCH"] === "full";
const all = filesBelow("bench", /\.bench\.ts$/);
const chosen = all.filter(
  (file) => names.length === 0 || names.some((name) => basename(file).includes(name)),
);

if (chosen.length === 0) {
  console.error(
    `no bench is called ${names.join(" or ")}; there are ${all.map((file) => basename(file, ".bench.ts")).join(", ")}`,
  );
  process.exitCode = 2;
} else if (!run("src/build/build.mjs") || !chosen.map(runBench).every(Boolean)) {
  process.exitCode = 1;
}

function runBench(file) {
  console.log(`\n${file}, ${full ? "full" : "smoke"} values`);
  const good = run("--import", "./src/build/ts-loader.mjs", file);
  if (!good) console.error(`${file} FAILED`);
  return good;
}

function run(...command) {
  const env = { ...process.env, BENCH: full ? "full" : "smoke" };
  return spawnSync(process.execPath, command, { cwd: ROOT, stdio: "inherit", env }).status === 0;
}
