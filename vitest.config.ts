// Two kinds of tests: on Node with real PostgreSQL and Redis, and inside workerd.
import { availableParallelism } from "node:os";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

// Not 0, the default: with one worker vitest runs the files of group 0 after all others.
const FIRST = 1;
const LAST = 2;

export default defineConfig({
  test: {
    // By default vitest leaves one core alone, of two half of the machine. Most tests wait for programs that they start.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: ["default", "./test/support/report-retries.ts"],
    projects: [
      {
        test: {
          name: "node",
          include: ["test/*.test.ts", "test/{console,docs,shared,origin,scripts}/**/*.test.ts"],
          globalSetup: ["test/support/global-postgres.ts"],
          setupFiles: ["test/support/retry-listed-tests.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: FIRST },
        },
      },
      {
        test: {
          name: "flow",
          include: ["test/flow/**/*.test.ts"],
          globalSetup: ["test/support/global-postgres.ts"],
          setupFiles: ["test/support/retry-listed-tests.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Whole stacks, which mostly wait for what they do in time: two beside each other, when everything else is done.
          sequence: { groupOrder: LAST },
        },
      },
      {
        plugins: [
          cloudflareTest(({ inject }) => ({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                UPSTREAM_URL: inject("outsideUrl"),
                ORIGIN_URL: inject("outsideUrl"),
                INGEST_TOKEN: "test-ingest-token",
                PUSH_KEYS:
                  "new:push-secret-of-the-tests-0123456789abcdefghijklmnop,old:older-push-secret-of-tests-0123456789abcdefghijklmnop",
                PREVIEW_KEYS:
                  "new:preview-secret-of-the-tests-0123456789abcdefghijklmnop,old:older-preview-secret-of-tests-0123456789abcdefghijklmnop",
                SERVER_KEYS:
                  "s2:server-key-of-the-tests-0123456789abcdefghijklmnop,s1:older-server-key-of-tests-0123456789abcdefghijklmnop",
                CORS_ORIGINS: "https://app.shop.test https://partner.test:8443",
                JWT_KEY_SET: `${String(inject("outsideUrl"))}/keys.json`,
                JWT_ISSUER: "https://login.shop.test",
                CAPTCHA_PROVIDER: "recaptcha",
                CAPTCHA_SECRET: "captcha-secret-of-the-tests",
                CAPTCHA_VERIFY_URL: `${String(inject("outsideUrl"))}/siteverify`,
                COOKIE_KEYS:
                  "c2:cookie-secret-of-the-tests-0123456789abcdefghijklmnop,c1:older-cookie-secret-of-tests-0123456789abcdefghijklmnop",
              },
            },
          })),
        ],
        test: {
          name: "edge",
          include: ["test/edge/**/*.test.ts"],
          globalSetup: ["test/support/outside.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: FIRST },
        },
      },
    ],
  },
});
