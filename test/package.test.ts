// What users install: the tarball, in an empty folder, without any compiler.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LOCKS } from "../src/lab/catalogue.ts";
import { ROOT } from "./tidy/source.ts";

const LIMIT_MS = 240_000;
const NPM_ENV = withoutRunningScript(process.env);

let folder: string;
let packed: string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "racier-package-"));
  const pack = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const [report] = JSON.parse(npm(ROOT, pack)) as [{ filename: string; files: { path: string }[] }];
  packed = report.files.map(({ path }) => path);

  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  const options = ["--omit=dev", "--prefer-offline", "--no-audit", "--no-fund"];
  npm(folder, ["install", ...options, join(folder, report.filename)]);
}, LIMIT_MS);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("the tarball holds every kernel, the built host and what locks are made of, and no test or compiler", () => {
  const { targets } = JSON.parse(readFileSync(join(ROOT, "asconfig.json"), "utf8")) as {
    targets: Record<string, unknown>;
  };
  const kernels = Object.keys(targets).flatMap((name) =>
    ["wasm", "explore.wasm", "sites.json"].map((suffix) => `build/kernel-${name}.${suffix}`),
  );
  kernels.push("build/explorer.wasm");
  kernels.push("assembly/lock.ts", ...LOCKS.map(({ file }) => `assembly/${file}.ts`));
  const expected = ["LICENSE", "README.md", "CHANGELOG.md", "dist/index.js", "dist/index.d.ts"];
  expect(packed).toEqual(expect.arrayContaining([...kernels, ...expected, "dist/cli/main.js"]));
  expect(
    packed.filter((path) =>
      // assembly/: locks are compiled on the fly, for who has installed the compiler.
      /^(src|test|bench)\/|^(?!docs\/examples\/|assembly\/).*(?<!\.d)\.ts$/.test(path),
    ),
  ).toEqual([]);
});

test("it installs without the AssemblyScript compiler and without TypeScript", () => {
  const installed = readdirSync(join(folder, "node_modules"));
  expect(installed).toContain("racier");
  expect(installed).not.toContain("assemblyscript");
  expect(installed).not.toContain("typescript");
});

test("`npx racier kernels` lists both kernels", () => {
  const output = npm(folder, ["exec", "--offline", "--", "racier", "kernels"]);
  expect(output).toContain("2.6.8");
  expect(output).toContain("2.6.9");
});

test("`npx racier fork` measures a small process and prints JSON", { timeout: LIMIT_MS }, () => {
  const small = ["--pages", "64", "--rounds", "2", "--seconds", "1", "--cpus", "1", "--json"];
  const output = npm(folder, ["exec", "--offline", "--", "racier", "fork", ...small]);
  expect(JSON.parse(output)).toMatchObject({ command: "fork" });
});

test("a program imports the package by its name", () => {
  const program = 'import { Machine } from "racier"; console.log(typeof Machine);';
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: folder,
    encoding: "utf8",
  });
  expect(output.trim()).toBe("function");
});

/** Runs npm; what it prints. Its complaints are part of the error when it fails. */
function npm(cwd: string, words: readonly string[]): string {
  return execFileSync("npm", words, { cwd, env: NPM_ENV, encoding: "utf8", stdio: "pipe" });
}

/** `npm test` tells its children which package they are in; the npm of this test is in another. */
function withoutRunningScript(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own =
    /^(npm_(package|lifecycle|config_local_prefix|command|execpath)|INIT_CWD|VITEST|NODE_OPTIONS)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.test(name)));
}
