// An origin with the seeded shop and its console. It serves the API alone: nothing is evaluated, pushed or sent, so that it
// stays as it is.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";
import { freePort } from "../../origin/db/free-port.ts";
import { buildConsole } from "../local-stack/build-console.ts";
import { startOriginProcess } from "../local-stack/origin-process.ts";
import { BUCKET_S, seedShop } from "./seed-shop.ts";

export type SeededOrigin = {
  readonly url: string;
  readonly adminToken: string;
  /** Unix ms of the moment at which the shop is seen. */
  readonly nowMs: number;
  readonly stop: () => Promise<void>;
};

const ADMIN_TOKEN = "admin-token-of-the-seeded-shop";

/** `env`: more of the origin's environment. */
export const startSeededOrigin = async (
  env: Readonly<Record<string, string>> = {},
): Promise<SeededOrigin> => {
  const dataDir = await mkdtemp(join(tmpdir(), "sluice-seed-"));
  const built = env["CONSOLE_DIR"] ?? buildConsole();
  const postgres = await startEmbeddedPostgres({ dataDir, settings: { fsync: "off" } });
  const stops = [() => rm(dataDir, { recursive: true, force: true }), () => postgres.stop()];
  const stop = async (): Promise<void> => {
    for (const end of stops.toReversed()) await end();
  };
  try {
    const lines: string[] = [];
    const origin = startOriginProcess({
      port: await freePort(),
      env: {
        LOG_LEVEL: "error",
        ROLES: "admin",
        DATA_DIR: dataDir,
        DATABASE_URL: postgres.url,
        ADMIN_TOKEN,
        // Receipts of rollbacks are signed with it; nothing is pushed.
        PUSH_KEYS: "k1:push-secret-of-the-seeded-shop-0123456789abcdef",
        CONSOLE_DIR: await built,
        ...env,
      },
      onLine: (line) => lines.push(line),
    });
    stops.push(() => origin.stop());
    await origin.ready();
    const nowMs = Math.floor(Date.now() / 1_000 / BUCKET_S) * BUCKET_S * 1_000;
    await seedShop(
      { originUrl: origin.url, adminToken: ADMIN_TOKEN, databaseUrl: postgres.url },
      nowMs / 1_000,
    );
    return { url: origin.url, adminToken: ADMIN_TOKEN, nowMs, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
