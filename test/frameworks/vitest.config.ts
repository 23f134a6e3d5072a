// `npm run test:frameworks`: every app of this folder. `npm test` runs the smallest one.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/frameworks/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
