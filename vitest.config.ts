import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take minutes: they begin first, so that no worker has one left for itself at the end. */
const SLOW = ["explore/twins.test.ts", "explore/shadow.test.ts"];

class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isSlow = ({ moduleId }: TestSpecification): boolean =>
      SLOW.some((file) => moduleId.endsWith(file));
    const sorted = await super.sort(files);
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}

export default defineConfig({
  resolve: {
    // The examples import the package by its name, as a user does.
    alias: { racier: fileURLToPath(new URL("./src/index.ts", import.meta.url)) },
  },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["src/build/vitest-setup.mjs"],
    setupFiles: ["test/support/seed.ts"],
    // A machine starts threads of its own, and a crash of one must not take other tests with it.
    pool: "forks",
    maxWorkers: 2,
    sequence: { sequencer: SlowFirst },
    watch: false,
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
});
