// Builds before the tests run, so that they never test yesterday's kernel. When the build fails, the tests
// run all the same, since most of them still say something; but they do not end well.

import { spawnSync } from "node:child_process";
import { ROOT, fromRoot } from "./project.mjs";

let failed = false;

export function setup() {
  const { status } = spawnSync(process.execPath, [fromRoot("src/build/build.mjs")], {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "inherit"],
  });
  failed = status !== 0;
}

export function teardown() {
  if (!failed) return;
  console.error("The build failed (see above): what was tested is not what the sources say.");
  process.exitCode = 1;
}
