// What users install: the tarball, in an empty folder, without any compiler.

import { execFile, execFileSync, spawnSync } from "node:child_process";
import {
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LOCKS } from "../src/lab/catalogue.ts";
import { ROOT } from "./tidy/source.ts";

const LIMIT_MS = 240_000;
const NPM_ENV = withoutRunningScript(process.env);

const { targets } = JSON.parse(readFileSync(join(ROOT, "asconfig.json"), "utf8")) as {
  targets: Record<string, { use: string[] } | undefined>;
};

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

test("the tarball holds every kernel, what others are compiled from, and the host, but no test and no compiler", () => {
  const kernels = Object.keys(targets).flatMap((name) =>
    ["wasm", "explore.wasm", "sites.json"].map((suffix) => `build/kernel-${name}.${suffix}`),
  );
  kernels.push("build/explorer.wasm");
  kernels.push("assembly/lock.ts", ...LOCKS.map(({ file }) => `assembly/${file}.ts`));
  const expected = ["LICENSE", "README.md", "CHANGELOG.md", "dist/index.js", "dist/index.d.ts"];
  expect(packed).toEqual(expect.arrayContaining([...kernels, ...expected, "dist/cli/main.js"]));
  expect(
    packed.filter((path) =>
      /^(src\/(?!build\/|layout\/transform\.mjs)|test|bench)\/|^(?!docs\/examples\/|assembly\/).*(?<!\.d)\.ts$/.test(
        path,
      ),
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

/** 2.6.8 with all that makes it 2.6.9. */
const HYBRID = [
  "2.6.8",
  ...(targets["2.6.9"]?.use ?? []).filter((word) => !word.startsWith("CONFIG_CHECK=")),
].join("+");

test("a kernel that is not shipped needs the compiler, and racier says so", () => {
  const main = join(folder, "node_modules/racier/dist/cli/main.js");
  const { status, stderr } = spawnSync(process.execPath, [main, "stress", "--kernel", HYBRID], {
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([2, expect.stringMatching(/npm install assemblyscript@0/)]);
});

test(
  "two processes that want the same new kernel get one, and settings mean what targets mean",
  async () => {
    const installed = join(folder, "node_modules");
    symlinkSync(join(ROOT, "node_modules/assemblyscript"), join(installed, "assemblyscript"));
    const load = `import { loadKernel } from "${installed}/racier/dist/kernel/load.js";
    console.log(loadKernel("${HYBRID}", false) instanceof WebAssembly.Module);`;
    const run = async (): Promise<string> => {
      const words = ["--input-type=module", "--eval", load];
      return (await promisify(execFile)(process.execPath, words, { cwd: folder })).stdout.trim();
    };

    expect(await Promise.all([run(), run()])).toEqual(["true", "true"]);

    const kept = join(installed, "racier/build/variants");
    const [file = "", ...more] = readdirSync(kept);
    expect(more).toEqual([]);
    // The whole of 2.6.9, made from 2.6.8 by what tells the two apart.
    expect(
      readFileSync(join(kept, file)).equals(readFileSync(join(ROOT, "build/kernel-2.6.9.wasm"))),
    ).toBe(true);
  },
  LIMIT_MS,
);

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
