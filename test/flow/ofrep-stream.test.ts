// Streams of OpenFeature clients wait in one request for a change that another request learns of. workerd keeps the two
// apart by a mark on each promise, which code that V8's TurboFan optimized did not set: streams then broke after some
// thousand changes. Without Maglev, TurboFan takes over after a few hundred.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestEdge, type TestEdge } from "../support/edge.ts";

const STREAMS = 20;
const CHANGES = 500;

let edge: TestEdge;
let revision = 0;

const change = async (): Promise<void> => {
  const state = { featureId: "feat_live", enabled: revision % 2 === 0, rolloutBps: 10_000, version: 1 };
  const response = await edge.push({ revision: ++revision, full: false, features: [state] });
  expect(response.status).toBe(200);
};

beforeAll(async () => {
  process.env["MINIFLARE_WORKERD_V8_FLAGS"] = "--no-maglev";
  edge = await startTestEdge({});
  await change();
});
afterAll(async () => {
  delete process.env["MINIFLARE_WORKERD_V8_FLAGS"];
  await edge.stop();
});

/** Reads until the stream names `etag`. */
const hear = async (etag: string): Promise<void> => {
  const response = await fetch(`${edge.url}/.sluice/ofrep/stream`);
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text = text.slice(-200) + chunk;
    if (text.includes(`"etag":"${etag}"`)) return;
  }
  throw new Error(`the stream ended after ${text}`);
};

test(`${STREAMS} streams hear of the last of ${CHANGES} changes`, async () => {
  const last = revision + CHANGES;
  const heard = Promise.all(Array.from({ length: STREAMS }, () => hear(`r${last}`)));
  heard.catch(() => undefined); // awaited below
  for (let i = 0; i < CHANGES; i++) await change();
  await heard;
});
