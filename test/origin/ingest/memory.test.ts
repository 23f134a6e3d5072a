// The memory of a whole origin process under bodies that are small as sent and large unpacked.
import { request } from "node:http";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { megabytesIn, procFile } from "../../support/linux-processes.ts";
import { ORIGIN_INGEST_TOKEN, startOrigin, type OriginUnderTest } from "../../support/origin.ts";
import { jsonRequest, newUnit } from "../../support/otlp-spans.ts";

let database: TestDatabase;
let origin: OriginUnderTest;
beforeAll(async () => {
  database = await makeTestDatabase();
  origin = await startOrigin({ DATABASE_URL: database.url });
  await origin.admin("POST", "/features", { featureId: "feat_memory", enabled: true, rolloutBps: 9_000 });
});
afterAll(async () => {
  await origin.end("SIGTERM");
  await database.drop();
});

type Answer = { status: number; retryAfter: string | undefined };
const post = (body: Buffer, headers: Record<string, string>, localAddress: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(
      `${origin.url}/v1/traces`,
      {
        method: "POST",
        localAddress,
        agent: false,
        headers: {
          authorization: `Bearer ${ORIGIN_INGEST_TOKEN}`,
          "content-type": "application/json",
          "content-length": body.length,
          ...headers,
        },
      },
      (response) => {
        response.resume();
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"] }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });

const UNPACKED = 8 * 2 ** 20 - 64;
const spanOf = (): string => JSON.stringify(jsonRequest([{ feature: "feat_memory", unit: newUnit() }]));
const roomyJson = `${" ".repeat(UNPACKED - 2_000)}${spanOf()}`;
/** Valid requests of almost 8 MiB that packing makes a thousandth of: JSON with much room in it, and spans that say nothing. */
const LARGE: readonly { type: string; coding: string; body: Buffer }[] = [
  { type: "application/json", coding: "gzip", body: gzipSync(roomyJson) },
  { type: "application/json", coding: "zstd", body: zstdCompressSync(roomyJson) },
  {
    type: "application/x-protobuf",
    coding: "gzip",
    body: (() => {
      const spans = Buffer.alloc(UNPACKED - 10, Buffer.from([0x12, 0x00]));
      const field = (length: number): Buffer => {
        const bytes = [0x0a];
        let rest = length;
        for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
        return Buffer.from([...bytes, rest]);
      };
      const scope = Buffer.concat([Buffer.from([0x12]), field(spans.length).subarray(1), spans]);
      return gzipSync(Buffer.concat([field(scope.length), scope]));
    })(),
  },
];

const peakBytes = (): number => megabytesIn(procFile(origin.pid, "status"), "VmHWM") * 1_024 * 1_024;

test.runIf(process.platform === "linux")(
  "400 packed bodies of 8 kB that unpack to 8 MiB stay below 1 GB: some are taken, the others get 503 with Retry-After, and another client gets through",
  async () => {
    for (const { body } of LARGE) expect(body.length).toBeLessThan(9_000);
    const flood = Promise.all(
      Array.from({ length: 400 }, (_, i) => {
        const { type = "", coding = "", body = Buffer.alloc(0) } = LARGE[i % LARGE.length] ?? {};
        return post(body, { "content-type": type, "content-encoding": coding }, "127.0.0.1");
      }),
    );
    const honest: Answer[] = [];
    for (let i = 0; i < 10; i++) honest.push(await post(Buffer.from(spanOf()), {}, "127.0.0.2"));
    const answers = await flood;
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]));
    for (const { status, retryAfter } of answers)
      if (status === 503) expect(["1", "2"]).toContain(retryAfter);
    expect(honest.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    const peak = peakBytes();
    process.stderr.write(
      `peak ${Math.round(peak / 2 ** 20)} MiB, ${answers.filter(({ status }) => status === 200).length} of 400 taken\n`,
    );
    expect(peak).toBeLessThan(1e9);
  },
  120_000,
);
