// Telemetry on its way through a JetStream log, from OTLP/HTTP to the counts, on a real NATS server and a real PostgreSQL.
import { randomBytes } from "node:crypto";
import type { NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { readAllPositions } from "../../../origin/aggregate/checkpoints.ts";
import { describeDeleted } from "../../../origin/span-log/jetstream/deleted-stream.ts";
import { makeNatsLink } from "../../../origin/span-log/jetstream/link.ts";
import type { JetStreamSettings } from "../../../origin/span-log/jetstream/settings.ts";
import { ensureStreams, manage, serverWarning } from "../../../origin/span-log/jetstream/streams.ts";
import { openSpanLog } from "../../../origin/span-log/open-span-log.ts";
import { SpanLogMisconfigured } from "../../../origin/span-log/span-log.ts";
import { spanLogChecks } from "../../../origin/span-log/span-log-health.ts";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { jetStreamSettings, startNats, type TestNats } from "../../support/nats.ts";
import { jsonRequest, newUnit } from "../../support/otlp-spans.ts";
import { createFeature, startTelemetry, waitFor } from "../../support/telemetry.ts";

let database: TestDatabase;
let nats: TestNats;
let settings: JetStreamSettings;
const newSettings = () => jetStreamSettings(nats, `test-${randomBytes(4).toString("hex")}`);
beforeAll(async () => {
  [database, nats] = await Promise.all([makeTestDatabase(), startNats()]);
  await createFeature(database, "feat_stream");
  settings = newSettings();
});
afterAll(async () => {
  await nats.stop();
  await database.drop();
});

const FEATURE = { feature: "feat_stream", variant: "treatment" };
const bodyOf = (spans: number): string =>
  JSON.stringify(jsonRequest(Array.from({ length: spans }, () => ({ ...FEATURE, unit: newUnit() }))));
/** Until the test ends. */
const connectTo = async (its: JetStreamSettings): Promise<NatsConnection> => {
  const link = makeNatsLink(its, "sluice-test");
  onTestFinished(link.close);
  return waitFor(async () => {
    try {
      return link.connection();
    } catch {
      return undefined;
    }
  });
};
const counted = async (): Promise<number> => {
  const { rows } = await database.pool.query<{ requests: number }>(
    "select coalesce(sum(requests), 0)::integer as requests from latency_sketches",
  );
  return rows[0]?.requests ?? 0;
};

test("ingest moves to JetStream and back while the fold reads both logs, and a request that is sent again counts once", async () => {
  const inPostgres = await startTelemetry(database, { fold: false });
  const inStreams = await startTelemetry(database, { fold: false, spanLog: settings });
  const again = bodyOf(10);
  // Nobody folds yet, so blocks lie in both logs.
  expect((await inPostgres.send("/v1/traces", again)).status).toBe(200);
  expect((await inStreams.send("/v1/traces", again)).status).toBe(200);
  expect((await inStreams.send("/v1/traces", bodyOf(20))).status).toBe(200);
  const fold = await startTelemetry(database, { spanLog: settings });
  await fold.folded();
  expect(await counted()).toBe(30);
  await fold.stop();
  // A fold that starts over knows from the log which spans it has counted.
  const other = await startTelemetry(database, { spanLog: settings });
  expect((await inPostgres.send("/v1/traces", again)).status).toBe(200);
  expect((await inPostgres.send("/v1/traces", bodyOf(5))).status).toBe(200);
  await other.folded();
  expect(await counted()).toBe(35);
  await Promise.all([inPostgres.stop(), inStreams.stop(), other.stop()]);
});

test("while NATS is away telemetry is refused with 503; when it is back, the same processes take and count it", async () => {
  const telemetry = await startTelemetry(database, { spanLog: settings });
  const before = await counted();
  const [node] = nats.nodes;
  await node?.kill();
  const body = bodyOf(10);
  const refused = await telemetry.send("/v1/traces", body);
  expect(refused.status).toBe(503);
  expect(["1", "2"]).toContain(refused.headers.get("retry-after"));
  await node?.start();
  await waitFor(async () => (await telemetry.send("/v1/traces", body)).status === 200);
  await waitFor(async () => (await counted()) === before + 10);
  await telemetry.stop();
});

test("a fold that starts after NATS was restarted reads on while streams have never had a block", async () => {
  const log = await openSpanLog({
    settings: newSettings(),
    name: "sluice-test",
    pool: database.servicePool,
    onProblem: () => {},
  });
  await log.check();
  const [node] = nats.nodes;
  await node?.kill();
  await node?.start();
  const none = { partitions: [0, 1, 2, 3], checkpoints: [] };
  await waitFor(async () => (await log.reader.unfoldedSeconds(none).catch(() => null)) !== null);
  const keys: Buffer[] = [];
  await log.reader.readFoldedKeys(none, 600, ({ spanKeys }) => keys.push(spanKeys));
  expect(keys).toEqual([]);
  await log.stop();
});

test("a stream that has lost folded blocks goes on under another number, and what comes then is counted", async () => {
  const its = newSettings();
  const problems: string[] = [];
  const log = await openSpanLog({
    settings: its,
    name: "sluice-test",
    pool: database.servicePool,
    onProblem: (problem) => problems.push(problem),
  });
  await log.check();
  const telemetry = await startTelemetry(database, { spanLog: its });
  const before = await counted();
  expect((await telemetry.send("/v1/traces", bodyOf(40))).status).toBe(200);
  await telemetry.folded();
  const { rows } = await database.pool.query<{ writer: number; stream: string }>(
    "select writer, stream from span_log_streams where stream like $1",
    [`${its.prefix}-%`],
  );
  expect(rows).toHaveLength(4);
  // As after a power failure of all servers: the checkpoints are beyond the ends of the streams.
  await telemetry.stop();
  await database.pool.query("update fold_checkpoints set seq = seq + 3 where writer = any($1::integer[])", [
    rows.map(({ writer }) => writer),
  ]);
  const after = await startTelemetry(database, { spanLog: its });
  const lossesOf = async () => {
    const { rowCount } = await database.pool.query(
      "select from span_log_streams where stream like $1 and losses = 1",
      [`${its.prefix}-%`],
    );
    return rowCount;
  };
  await waitFor(async () => (await lossesOf()) === 4);
  expect((await after.send("/v1/traces", bodyOf(40))).status).toBe(200);
  await waitFor(async () => (await counted()) === before + 80);
  await after.stop();
  await log.stop();
});

test("streams that cannot keep the log's promise are refused with what is wrong", async () => {
  const its = newSettings();
  const connection = await connectTo(its);
  const manager = await manage(connection);
  await manager.streams.add({
    name: `${its.prefix}-1`,
    subjects: [`${its.prefix}.1`],
    max_age: 60_000_000_000,
  });
  const refused = ensureStreams(connection, its, [0, 1, 2, 3]);
  await expect(refused).rejects.toThrow(SpanLogMisconfigured);
  await expect(refused).rejects.toThrow(/discard is old, not new; max_age is 60000000000, not 0/);
  const three = ensureStreams(connection, { ...newSettings(), replicas: 3 }, [0, 1, 2, 3]);
  await expect(three).rejects.toThrow(SpanLogMisconfigured);
  await expect(three).rejects.toThrow(/of 3 replicas cannot be made/);
});

test("a log that is away makes the process not ready and the doctor's check fail, and starting does not wait for ever", async () => {
  const log = await openSpanLog({
    settings: { ...newSettings(), urls: ["nats://127.0.0.1:1"] },
    name: "sluice-test",
    pool: database.servicePool,
    onProblem: () => {},
  });
  await log.check();
  expect(log.notReady()).toEqual([expect.stringContaining("NATS at 127.0.0.1:1 cannot be reached")]);
  const [check] = spanLogChecks(log);
  expect(await check?.run()).toEqual([expect.objectContaining({ status: "failing" })]);
  await expect(log.reader.unfoldedSeconds(await readAllPositions(database.pool))).rejects.toThrow(
    "cannot be reached",
  );
  await log.stop();
  const well = await openSpanLog({
    settings: newSettings(),
    name: "sluice-test",
    pool: database.servicePool,
    onProblem: () => {},
  });
  await well.check();
  expect(well.notReady()).toEqual([]);
  const [ok] = spanLogChecks(well);
  expect(await ok?.run()).toHaveLength(4);
  await well.stop();
});

test("of a server whose replicas can come to differ the doctor says so, unless a stream has one alone", async () => {
  const { info } = await connectTo(newSettings());
  if (info === undefined) throw new Error("the server has not introduced itself");
  const of = (version: string, replicas: number) => serverWarning({ ...info, version }, { replicas });
  expect(of("2.9.10", 3)?.summary).toMatch(/^the server n0 is NATS 2\.9\.10: .* can come to differ/);
  expect(["2.10.29", "2.11.0-RC.1", "2.11.4"].map((version) => of(version, 3) === null)).toEqual([
    false,
    false,
    false,
  ]);
  expect(["2.11.5", "2.12.0-preview.2", "2.15.1", "3.0.0"].map((version) => of(version, 3))).toEqual([
    null,
    null,
    null,
    null,
  ]);
  expect(of("2.9.10", 1)).toBeNull();
  const warning = { summary: "the server n0 is old", todo: "take a new one" };
  const [check] = spanLogChecks({ notReady: () => [], streams: () => [], warnings: () => [warning] });
  expect(await check?.run()).toEqual([{ status: "warning", ...warning }]);
});

test("the log says with ALERT what is gone with a stream that a person has deleted, or purged before any of it was counted", async () => {
  const its = newSettings();
  const ingest = await startTelemetry(database, { fold: false, spanLog: its });
  expect((await ingest.send("/v1/traces", bodyOf(40))).status).toBe(200);
  await ingest.stop();
  const connection = await connectTo(its);
  const manager = await manage(connection);
  await manager.streams.delete(`${its.prefix}-1`);
  await manager.streams.purge(`${its.prefix}-2`);
  const lost: string[] = [];
  const before = await counted();
  const fold = await startTelemetry(database, {
    spanLog: its,
    foldLog: { warn: () => {}, error: (facts, text) => lost.push(`${text} ${JSON.stringify(facts)}`) },
  });
  await waitFor(async () => lost.length === 2);
  expect(lost.toSorted()).toEqual([
    expect.stringMatching(/^ALERT: .*-1 was deleted, .* 0 blocks are counted, and it had 1 when/),
    expect.stringMatching(/^ALERT: .*-2 no longer has the blocks 1 to 1: they were removed before/),
  ]);
  // The others are counted, and so is what comes into the new one.
  await fold.folded();
  const left = await counted();
  expect(left).toBeGreaterThan(before);
  expect((await fold.send("/v1/traces", bodyOf(40))).status).toBe(200);
  await waitFor(async () => (await counted()) === left + 40);
  await fold.stop();
});

test("a stream that was deleted when all of it was counted is told of only if it was in use until then", () => {
  const createdMs = Date.parse("2026-05-01T12:00:00Z");
  const after = (seconds: number, lastSeq: number | null) =>
    describeDeleted({
      name: "a-0",
      createdMs,
      before: {
        partition: 0,
        writer: 7,
        beginsAfter: 0,
        losses: 0,
        lastSeq,
        lookedAt: new Date(createdMs - seconds * 1_000),
      },
      folded: 12,
    });
  expect(after(600, 12)).toBeNull();
  expect(after(15, 12)).toMatchObject({ isLoss: false });
  expect(after(600, 13)).toMatchObject({ isLoss: true });
  expect(after(600, null)).toMatchObject({ isLoss: true });
});
