// Bodies that no honest client sends, against the whole handler over HTTP. `npm run fuzz` sends a million of them.
import { Agent, request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fuzzBody, gzipBomb } from "../../fuzz/bodies.ts";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { createFeature, INGEST_TOKEN, startTelemetry, type TestTelemetry } from "../../support/telemetry.ts";

describe("bodies that no honest client sends", () => {
  let database: TestDatabase;
  let telemetry: TestTelemetry;
  beforeAll(async () => {
    database = await makeTestDatabase();
    telemetry = await startTelemetry(database, { fold: false });
    await createFeature(database, "feat_fuzz");
  });
  afterAll(async () => {
    await telemetry.stop();
    await database.drop();
  });

  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const post = (body: Buffer, headers: Readonly<Record<string, string>>): Promise<number> =>
    new Promise((resolve, reject) => {
      const sent = request(
        `${telemetry.url}/v1/traces`,
        {
          agent,
          method: "POST",
          headers: { authorization: `Bearer ${INGEST_TOKEN}`, "content-length": body.length, ...headers },
        },
        (response) => {
          response.resume();
          response.on("end", () => resolve(response.statusCode ?? 0));
        },
      );
      sent.on("error", reject);
      sent.end(body);
    });

  test("are answered with a 4xx each where they cannot be valid, and never with a 5xx", async () => {
    const wrong: string[] = [];
    for (let seed = 0; seed < 3_000; seed += 8) {
      await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          const { kind, body, headers, mustFail } =
            seed % 500 === 0 && i === 0 ? gzipBomb() : fuzzBody(seed + i);
          const status = await post(body, headers);
          if (!(status >= 400 && status < 500) && (mustFail || status !== 200))
            wrong.push(`seed ${seed + i}, ${kind}: ${status}`);
        }),
      );
    }
    expect(wrong).toEqual([]);
  });
});
