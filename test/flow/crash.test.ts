// The origin dies without warning, again and again, while exposures come in: what it acknowledged is counted, once.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { eventually, makeTestStack } from "../support/stack.ts";

const stack = await makeTestStack();
afterAll(() => stack.stop());

const FEATURE = "feat_under_fire";
const BATCHES = 300;
const UNITS_PER_BATCH = 20;
const KILLS = 3;

await stack.admin("POST", "/features", { featureId: FEATURE, rolloutBps: 5000 });
const { epoch } = await stack.admin("POST", `/features/${FEATURE}/enable`, { reason: "test" });

const text = (key: string, value: string) => ({ key, value: { stringValue: value } });

const makeBatch = (batch: number): string => {
  const startMs = Date.now();
  const spans = Array.from({ length: UNITS_PER_BATCH }, (_, index) => ({
    traceId: randomBytes(16).toString("hex"),
    spanId: randomBytes(8).toString("hex"),
    name: "GET",
    kind: 2,
    startTimeUnixNano: `${startMs}000000`,
    endTimeUnixNano: `${startMs + 12}000000`,
    attributes: [
      text("feature_flag.key", FEATURE),
      text("feature_flag.context.id", `unit-${batch}-${index}`),
      text("feature_flag.result.variant", index % 4 === 0 ? "holdout" : "treatment"),
      { key: "sluice.epoch", value: { intValue: String(epoch) } },
    ],
  }));
  return JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
};

/** Sends the same bytes until they are acknowledged, as an exporter does. Returns how often it had to. */
const deliver = async (body: string): Promise<number> => {
  for (let tries = 1; ; tries += 1) {
    const response = await fetch(`${stack.origin.url}/v1/traces`, {
      method: "POST",
      headers: { authorization: `Bearer ${stack.secrets.ingestToken}`, "content-type": "application/json" },
      body,
    }).catch(() => undefined);
    if (response?.status === 200) return tries;
    await sleep(20);
  }
};

const exposed = async () => {
  const answer = await stack.admin("GET", `/features/${FEATURE}/signals`);
  return answer["cohorts"] as { treatment: { exposed: number }; holdout: { exposed: number } };
};

test(`${KILLS} kills under load: every acknowledged exposure is counted once`, async () => {
  let next = 0;
  let delivered = 0;
  let repeated = 0;
  const client = async (): Promise<void> => {
    while (next < BATCHES) {
      const tries = await deliver(makeBatch((next += 1)));
      delivered += 1;
      repeated += tries - 1;
    }
  };
  const clients = Promise.all([client(), client(), client(), client()]);
  for (let kill = 1; kill <= KILLS; kill += 1) {
    await eventually(async () => delivered >= (BATCHES * kill) / (KILLS + 1), 60_000);
    await stack.origin.kill();
  }
  await clients;
  await stack.origin.ready();

  const units = next * UNITS_PER_BATCH;
  const expected = { treatment: { exposed: (units * 3) / 4 }, holdout: { exposed: units / 4 } };
  await eventually(async () => {
    const now = await exposed().catch(() => undefined);
    return now !== undefined && now.treatment.exposed + now.holdout.exposed >= units;
  }, 30_000);
  // Nothing comes on top of it later either.
  await sleep(2_000);
  expect(await exposed()).toEqual(expected);
  expect(repeated, "the kills met requests under way").toBeGreaterThan(0);
});
