import { defineConfig } from "vitest/config";

/** Drives the built binary in a real browser: one file at a time, one test after the other. */
export default defineConfig({
  test: {
    environment: "node",
    include: ["e2e/**/*.spec.ts"],
    fileParallelism: false,
    sequence: { concurrent: false },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // A story is told in order: what follows a failed chapter would only repeat the failure.
    bail: 0,
  },
});
