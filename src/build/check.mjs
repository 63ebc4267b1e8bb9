// Everything that can be said about the code without running it: `npm run check`. Goes on after a failure,
// so that one run shows all of them.

import { alone } from "./lock.mjs";
import { hostStep, kernelSteps, layoutStep, twinSteps } from "./products.mjs";
import { packageFile } from "./project.mjs";
import { WIDTH, runSteps, seconds } from "./steps.mjs";

const began = performance.now();
const LINTS = [
  tool("types", "typescript", "bin/tsc", "-p", "tsconfig.json"),
  tool("eslint", "eslint", "bin/eslint.js", "."),
  tool("prettier", "prettier", "bin/prettier.cjs", "--check", "--log-level", "warn", "."),
  tool("layers", "dependency-cruiser", "bin/dependency-cruise.mjs", "assembly", "src"),
  tool("docs", "typedoc", "bin/typedoc", "--emit", "none", "--logLevel", "Warn"),
  tool("dead code", "knip", "bin/knip.js", "--no-progress"),
  tool("package", "publint", "src/cli.js", "--strict"),
  { name: "lock table", command: ["src/build/gen-locking.mjs", "--check"] },
];

const built = await alone(async () => {
  const kernels = await runSteps(kernelSteps(), WIDTH);
  const layout = kernels && (await runSteps([layoutStep({ checkOnly: true })], 1));
  const host = await runSteps([hostStep()], 1);
  const twins = kernels && host && (await runSteps(twinSteps(), WIDTH));
  return kernels && layout && host && twins;
});
const linted = await runSteps(LINTS, WIDTH);

const good = built && linted;
console.log(`${good ? "checked" : "check FAILED"} in ${seconds(began)}`);
if (!good) process.exitCode = 1;

/** A step that runs an installed tool. */
function tool(name, packageName, file, ...options) {
  return { name, command: [packageFile(packageName, file), ...options] };
}
