// Whether Redis answers. Without it everything goes on, up to a second slower.
import type { HealthCheck } from "../runtime/health.ts";
import { errorText } from "../runtime/error-text.ts";

const silent = { warn: () => {} };
const CONNECT_MS = 2_000;

const ping = async (urls: readonly string[]): Promise<number> => {
  const { connectRedis, hearFailures } = await import("./redis.ts");
  const client = connectRedis(urls, silent);
  try {
    await new Promise<void>((resolve, reject) => {
      let why = "no connection within 2 s";
      const giveUp = (): void => reject(new Error(why));
      const timer = setTimeout(giveUp, CONNECT_MS);
      hearFailures({ client, urls }, (words, isTls) => {
        why = words;
        if (isTls) giveUp();
      });
      client.once("ready", () => {
        clearTimeout(timer);
        resolve();
      });
    });
    const askedAt = performance.now();
    await client.ping();
    return performance.now() - askedAt;
  } finally {
    client.disconnect();
  }
};

/** `urls` is undefined where the bus is within the process. */
export const redisCheck = (urls: readonly string[] | undefined): HealthCheck => ({
  id: "redis",
  run: async () => {
    if (urls === undefined)
      return [
        { status: "ok", summary: "no Redis: changes go through the database alone, as fits one origin" },
      ];
    try {
      return [{ status: "ok", summary: `Redis answers in ${(await ping(urls)).toFixed(1)} ms` }];
    } catch (error) {
      return [
        {
          status: "warning",
          summary: `Redis does not answer: ${errorText(error)}`,
          todo: "see whether it runs and REDIS_URL leads to it; nothing is lost meanwhile, and changes are up to a second slower",
        },
      ];
    }
  },
});
