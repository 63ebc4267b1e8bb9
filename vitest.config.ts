import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

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
    watch: false,
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
});
