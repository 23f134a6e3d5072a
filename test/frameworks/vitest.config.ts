// `npm run test:frameworks`: every app of this folder, and WordPress and Varnish of Debian. `npm test` runs the smallest
// app, and nginx and PHP.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/frameworks/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
