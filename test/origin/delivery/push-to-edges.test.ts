import { setTimeout as sleep } from "node:timers/promises";
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import type { FlagEvent } from "../../../origin/delivery/bus/flag-bus.ts";
import { makeInProcessBus } from "../../../origin/delivery/bus/in-process-bus.ts";
import { makePublishChange } from "../../../origin/delivery/outbox/publish-change.ts";
import { startDispatcher, type Deliver } from "../../../origin/delivery/outbox/dispatch.ts";
import { listenForChanges } from "../../../origin/delivery/listen.ts";
import { makeRecoverFromEdge } from "../../../origin/delivery/edges/recover-from-edge.ts";
import { startPusher } from "../../../origin/delivery/edges/push-to-edges.ts";
import { makeKeyOf } from "../../../origin/delivery/edges/push-key.ts";
import { makeSend } from "../../../origin/delivery/edges/send-push.ts";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import type { Attribution } from "../../../origin/features/change-steps.ts";
import { newFeature } from "../../../origin/features/new-feature.ts";
import {
  changesSince,
  currentHead,
  currentStates,
  noteLineage,
  raiseRevision,
  type Changes,
  type Since,
} from "../../../origin/features/read-snapshot.ts";
import { FeatureState } from "../../../shared/features/feature.ts";
import { FeatureId, Revision } from "../../../shared/ids.ts";
import { KeyRing } from "../../../shared/signing/key-ring.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { startFakeEdge, type FakeEdge } from "../../support/fake-edge.ts";
import { makeTestLog } from "../../support/log.ts";

const database = await makeTestDatabase();
const { pool } = database;
const keys = KeyRing.parse("k1:a-secret-of-sixteen-or-more-0123456789abcdefghijklmnop");
const changes = makeFeatureChanges({ pool, newId: randomUUID });
const by: Attribution = { actor: "ann", reason: "test" };
const running: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).toReversed()) await stop();
});
afterAll(() => database.drop());

const keep = <T extends { stop: () => Promise<unknown> }>(thing: T): T => {
  running.push(thing.stop);
  return thing;
};
const soon = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 20_000, interval: 10 });

let count = 0;
const openFeature = async (rolloutBps = 5000, tags: string[] = []) => {
  const featureId = FeatureId.parse(`feat_${(count += 1)}`);
  const made = await changes.createFeature(newFeature({ featureId, enabled: true, rolloutBps, tags }), by);
  if (!made.ok) throw new Error(JSON.stringify(made.error));
  return made.value;
};

/** Edges that knew more than the database. */
const ahead: string[] = [];
const onAhead = (edge: string): void => void ahead.push(edge);
/** What is said of each edge, in order. */
const failing: [edge: string, isFailing: boolean][] = [];

const startPusherOf = (
  edges: readonly FakeEdge[],
  log = makeTestLog(),
  onRollbackArrived: (seconds: number) => void = () => {},
  readChanges = (since: Since | null) => changesSince(pool, since),
) =>
  startPusher({
    pool,
    edgeUrls: edges.map((edge) => edge.url),
    readChanges,
    readHead: (since, wants) => currentHead(pool, since, wants),
    recover: makeRecoverFromEdge({
      pool,
      changes,
      beginLineage: () => noteLineage(pool, { rewound: true }),
      readLineage: async () => (await currentHead(pool, null)).message.lineage,
      raiseRevision: (above) => raiseRevision(pool, above),
      onRaised: () => {},
      onAhead,
      log,
    }),
    raiseRevision: (above) => raiseRevision(pool, above),
    send: makeSend({ keyOf: makeKeyOf(keys, {}), now: Date.now, newNonce: randomUUID }),
    onConfirmed: () => {},
    onFailing: (edge, isFailing) => void failing.push([edge, isFailing]),
    onAhead,
    onRollbackArrived,
    log,
  });

/** Pusher, LISTEN and dispatcher as an origin wires them. */
const startOrigin = async (
  edges: readonly FakeEdge[],
  readChanges?: (since: Since | null) => Promise<Changes>,
) => {
  const log = makeTestLog();
  const arrived: number[] = [];
  const bus = makeInProcessBus();
  const pusher = keep(await startPusherOf(edges, log, (seconds) => arrived.push(seconds), readChanges));
  const dispatcher = keep(startDispatcher({ pool, deliver: { state: makePublishChange(bus) }, log }));
  keep(
    listenForChanges({
      databaseUrl: database.url,
      onNotification: (notification) => {
        pusher.notify(notification);
        dispatcher.notify();
      },
      log,
    }),
  );
  return { bus, log, arrived };
};

test("a change reaches every edge, and each edge's confirmation is stored", async () => {
  const edges = [keep(await startFakeEdge(keys)), keep(await startFakeEdge(keys))];
  const { arrived } = await startOrigin(edges);
  const made = await openFeature();
  for (const edge of edges) {
    await soon(() => expect(edge.state.features.get(made.state.featureId)).toEqual(made.state));
  }
  await soon(async () => {
    const { rows } = await pool.query("select * from edge_receipts where revision = $1", [made.revision]);
    expect(rows).toHaveLength(2);
  });
  const closed = await changes.rollbackFeature({ featureId: made.state.featureId }, by);
  await soon(() => {
    for (const edge of edges)
      expect(edge.state.features.get(made.state.featureId)).toMatchObject({ enabled: false, rolloutBps: 0 });
  });
  expect(edges[0]?.state.received.at(-1)).toMatchObject({ full: false, since: made.revision });
  await soon(() => expect(arrived).toHaveLength(2));
  expect(closed.ok).toBe(true);
});

test("a change arrives by its notification alone while the database cannot be read, and a change too long for one is read", async () => {
  const edge = keep(await startFakeEdge(keys));
  let mayRead = true;
  await startOrigin([edge], async (since) => {
    if (!mayRead) throw new Error("the database answers no queries");
    return changesSince(pool, since);
  });
  const made = await Promise.all(Array.from({ length: 60 }, () => openFeature(5000, ["many"])));
  const first = made[0]?.state;
  if (first === undefined) throw new Error("nothing was made");
  await soon(() => expect(edge.state.features.size).toBeGreaterThanOrEqual(made.length));
  await soon(() => expect(edge.state.received.at(-1)?.since).toBe(edge.state.revision));
  mayRead = false;
  await changes.rollbackFeature({ featureId: first.featureId }, by);
  await soon(() => expect(edge.state.features.get(first.featureId)).toMatchObject({ enabled: false }));
  mayRead = true;
  await changes.rollbackTag("many", by);
  await soon(() => {
    for (const { state } of made)
      expect(edge.state.features.get(state.featureId)).toMatchObject({ enabled: false });
  });
});

test("a dead and a silent edge do not hold up a healthy one, and they catch up when they are back", async () => {
  const [well, dead, silent] = [
    keep(await startFakeEdge(keys)),
    keep(await startFakeEdge(keys)),
    keep(await startFakeEdge(keys)),
  ];
  dead.state.fault = "down";
  silent.state.fault = "silent";
  await startOrigin([well, dead, silent]);
  const made = await openFeature();
  await soon(() => expect(well.state.revision).toBe(made.revision));
  await soon(async () => {
    const { rows } = await pool.query("select failing_since, last_error from edge_targets where url = $1", [
      dead.url,
    ]);
    expect(rows[0]).toMatchObject({ failing_since: expect.any(Date), last_error: "HTTP 503" });
  });
  expect(failing).toEqual([[dead.url, true]]);
  dead.state.fault = "none";
  silent.state.fault = "none";
  await soon(() => {
    expect(dead.state.features.get(made.state.featureId)).toEqual(made.state);
    expect(silent.state.features.get(made.state.featureId)).toEqual(made.state);
  });
  await soon(() => expect(failing.findLast(([edge]) => edge === dead.url)).toEqual([dead.url, false]));
  expect(failing.some(([edge]) => edge === well.url)).toBe(false);
});

test("a pusher pushes a change of the last moment before it ends", async () => {
  const edge = keep(await startFakeEdge(keys));
  const pusher = await startPusherOf([edge]);
  await soon(() => expect(edge.state.received).not.toEqual([]));
  const made = await openFeature();
  await pusher.stop();
  expect(edge.state.features.get(made.state.featureId)).toEqual(made.state);
});

test("an edge that lost its state gets a full snapshot again", async () => {
  const edge = keep(await startFakeEdge(keys));
  await startOrigin([edge]);
  const made = await openFeature();
  await soon(() => expect(edge.state.revision).toBe(made.revision));
  edge.state.revision = 0;
  edge.state.features.clear();
  await soon(() => expect(edge.state.features.get(made.state.featureId)).toEqual(made.state));
});

test("an edge that is ahead of a restored database ends with the database's state, with several origins too", async () => {
  const edge = keep(await startFakeEdge(keys));
  edge.state.revision = 100_000;
  const forgotten = FeatureId.parse("feat_forgotten");
  edge.state.features.set(
    forgotten,
    FeatureState.parse({ featureId: forgotten, enabled: true, rolloutBps: 10_000, version: 1 }),
  );
  const origins = [await startOrigin([edge]), await startOrigin([edge]), await startOrigin([edge])];
  const made = await openFeature();
  await soon(() => expect(edge.state.features.get(made.state.featureId)).toEqual(made.state));
  expect(edge.state.revision).toBeGreaterThan(100_000);
  expect(edge.state.features.has(forgotten)).toBe(false);
  const lines = origins.flatMap(({ log }) => log.lines);
  expect(lines.some(({ message }) => message.includes("ahead of the database"))).toBe(true);
  expect(ahead).toContain(edge.url);
});

test("what an edge of an older version has closed is closed in a database that has lost it, and never opens there", async () => {
  const edge = keep(await startFakeEdge(keys));
  const [lost, kept] = [await openFeature(), await openFeature()];
  const state = (id: FeatureId) => edge.state.features.get(id);
  edge.state.revision = 2_000_000;
  edge.state.features.set(lost.state.featureId, { ...lost.state, enabled: false, rolloutBps: 0 });
  edge.state.features.set(kept.state.featureId, kept.state);
  await pool.query("update state_head set revision = 1500000");
  const { log } = await startOrigin([edge]);
  await soon(() => expect(edge.state.revision).toBeGreaterThan(2_000_000));
  expect(state(lost.state.featureId)).toMatchObject({ enabled: false, rolloutBps: 0 });
  expect(state(kept.state.featureId)).toMatchObject({ enabled: true });
  const { rows } = await pool.query(
    "select action, actor, reason from rollback_audit where feature_id = $1 order by seq desc limit 1",
    [lost.state.featureId],
  );
  expect(rows).toEqual([{ action: "rollback", actor: "sluice", reason: `recovered from edge ${edge.url}` }]);
  // What an origin sends before it has asked the edge is older than what the edge has, which refuses it.
  const newer = edge.state.received.filter(({ revision }) => revision > 2_000_000);
  expect(newer).not.toEqual([]);
  for (const message of newer)
    for (const { featureId, enabled } of message.features)
      expect([featureId, enabled]).not.toEqual([lost.state.featureId, true]);
  await soon(() =>
    expect(log.lines.some(({ message }) => message.includes(lost.state.featureId))).toBe(true),
  );
});

test("the revision is raised above an older edge's only when everything that it closed is closed in the database", async () => {
  const edge = keep(await startFakeEdge(keys));
  const lost = await openFeature();
  edge.state.revision = 4_000_000;
  edge.state.features.set(lost.state.featureId, { ...lost.state, enabled: false, rolloutBps: 0 });
  await pool.query("update state_head set revision = 3500000");
  const head = async () => {
    const { rows } = await pool.query<{ revision: number; enabled: boolean }>(
      "select h.revision, f.enabled from state_head h, feature_flags f where f.feature_id = $1",
      [lost.state.featureId],
    );
    return rows[0];
  };
  // Whoever else pushes to this edge would open the feature there, if the raise came first.
  const other = await pool.connect();
  try {
    await other.query("begin");
    await other.query("select from feature_flags where feature_id = $1 for update", [lost.state.featureId]);
    await startOrigin([edge]);
    await soon(async () => {
      const { rows } = await pool.query<{ n: number }>(
        "select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      );
      expect(rows[0]?.n).toBeGreaterThan(0);
    });
    await sleep(300);
    expect(await head()).toEqual({ revision: 3_500_000, enabled: true });
  } finally {
    await other.query("rollback");
    other.release();
  }
  await soon(() => expect(edge.state.revision).toBeGreaterThan(4_000_000));
  expect(await head()).toMatchObject({ enabled: false });
});

test("three hundred closes of one change reach an edge while the database cannot be read", async () => {
  const edge = keep(await startFakeEdge(keys));
  edge.state.takesCloses = true;
  let mayRead = true;
  await startOrigin([edge], async (since) => {
    if (!mayRead) throw new Error("the database answers no queries");
    return changesSince(pool, since);
  });
  const made = await Promise.all(Array.from({ length: 300 }, () => openFeature(5000, ["most"])));
  await soon(() => expect(edge.state.revision).toBe(Math.max(...made.map(({ revision }) => revision))));
  await soon(() => expect(edge.state.received.at(-1)?.since).toBe(edge.state.revision));
  mayRead = false;
  await changes.rollbackTag("most", by);
  await soon(() => {
    for (const { state } of made)
      expect(edge.state.features.get(state.featureId)).toMatchObject({ enabled: false });
  });
});

test("what was closed while no origin ran goes with the first message of the next one", async () => {
  const edge = keep(await startFakeEdge(keys));
  const made = await openFeature();
  const first = await startPusherOf([edge]);
  await soon(() => expect(edge.state.features.get(made.state.featureId)).toMatchObject({ enabled: true }));
  await first.stop();
  await changes.rollbackFeature({ featureId: made.state.featureId }, by);
  edge.state.received.length = 0;
  edge.state.takesCloses = true;
  keep(await startPusherOf([edge]));
  await soon(() => expect(edge.state.received).not.toEqual([]));
  const closes = edge.state.received[0]?.closes?.map(({ featureId }) => featureId) ?? [];
  expect(closes).toContain(made.state.featureId);
});

test("a push is full for an edge whose revision is older than the raise of a restored database", async () => {
  const made = await openFeature();
  const above = Revision.parse(made.revision + 50);
  await raiseRevision(pool, above);
  const { message: everything } = await changesSince(pool, { revision: above });
  expect(everything).toMatchObject({ full: true, revision: above + 1 });
  expect(everything.since).toBe(undefined);
  expect(everything.features.map(({ featureId }) => featureId)).toContain(made.state.featureId);
  const later = await openFeature();
  expect((await changesSince(pool, { revision: everything.revision })).message).toMatchObject({
    full: false,
    since: everything.revision,
    features: [{ featureId: later.state.featureId }],
  });
});

test("many changes at once arrive complete, in few messages", async () => {
  const edge = keep(await startFakeEdge(keys));
  await startOrigin([edge]);
  const before = edge.state.received.length;
  const made = await Promise.all(Array.from({ length: 50 }, () => openFeature()));
  await soon(() => {
    for (const { state } of made) expect(edge.state.features.get(state.featureId)).toEqual(state);
  });
  expect(edge.state.received.length - before).toBeLessThan(60);
});

test("each committed change becomes events on the bus, in order", async () => {
  const { bus } = await startOrigin([]);
  const heard: FlagEvent[] = [];
  bus.subscribe({ onEvent: (event) => heard.push(event), onGap: () => {} });
  const made = await openFeature();
  await changes.rollbackFeature({ featureId: made.state.featureId }, { actor: "ann", reason: "too slow" });
  const own = () => heard.filter((event) => event.featureId === made.state.featureId);
  await soon(() => expect(own()).toHaveLength(2));
  expect(own()).toMatchObject([
    { action: "create", enabled: true, version: 1, revision: made.revision },
    { action: "rollback", enabled: false, version: 2, reason: "too slow", revision: made.revision + 1 },
  ]);
  const { lineage } = await currentStates(pool);
  expect(own().map((event) => [event.lineage, event.epoch])).toEqual([
    [lineage, 1],
    [lineage, 1],
  ]);
});

test("an event of another history moves nothing: an edge confirms what this database has committed", async () => {
  const edge = keep(await startFakeEdge(keys));
  const { bus } = await startOrigin([edge]);
  const before = await openFeature();
  await soon(() => expect(edge.state.revision).toBe(before.revision));
  await bus.publish([
    {
      featureId: before.state.featureId,
      reason: "by the old primary",
      version: 9,
      revision: Revision.parse(1_000_000),
      lineage: "lost",
      action: "enable",
      enabled: true,
    },
  ]);
  const closed = await changes.rollbackFeature({ featureId: before.state.featureId }, by);
  await soon(() => expect(edge.state.features.get(before.state.featureId)).toMatchObject({ enabled: false }));
  expect(closed.ok && edge.state.revision).toBe(closed.ok && closed.value.revision);
});

test("a message that failed is delivered again, and several dispatchers share the outbox", async () => {
  const log = makeTestLog();
  const seen = new Map<number, number>();
  const flaky: Deliver = async ({ id }) => {
    seen.set(id, (seen.get(id) ?? 0) + 1);
    if (seen.get(id) === 1 && id % 2 === 0) throw new Error("not now");
  };
  await pool.query(
    "insert into outbox (topic, revision, payload) select 'webhook', n, '{}' from generate_series(1, 20) n",
  );
  keep(startDispatcher({ pool, deliver: { webhook: flaky }, log }));
  keep(startDispatcher({ pool, deliver: { webhook: flaky }, log }));
  await soon(async () => {
    const { rows } = await pool.query("select 1 from outbox where topic = 'webhook' and done_at is not null");
    expect(rows).toHaveLength(20);
  });
  for (const [id, times] of seen) expect(times).toBe(id % 2 === 0 ? 2 : 1);
});

test("an older edge closes a feature though more waits for it than it takes, and the reason is stored", async () => {
  const edge = keep(await startFakeEdge(keys));
  edge.state.maxBytes = 4 * 1024 * 1024;
  await startOrigin([edge]);
  const made = await Promise.all(Array.from({ length: 7 }, () => openFeature()));
  const [closing, ...growing] = made.map(({ state }) => state.featureId);
  await soon(() => expect(edge.state.revision).toBe(Math.max(...made.map(({ revision }) => revision))));
  edge.state.fault = "down";
  if (closing === undefined) throw new Error("nothing was made");
  const value = "v".repeat(500);
  const list = {
    attribute: "country",
    operator: "in",
    values: Array.from({ length: 500 }, () => value),
  } as const;
  const targeting = { operator: "or" as const, conditions: [list, list, list] };
  for (const featureId of growing) await changes.updateFeature({ featureId }, { targeting }, by);
  await changes.rollbackFeature({ featureId: closing }, by);
  await changes.setRollout({ featureId: growing[0] ?? closing }, { rolloutBps: 1 }, by);
  edge.state.fault = "none";
  await soon(() => expect(edge.state.features.get(closing)).toMatchObject({ enabled: false }));
  await soon(async () => {
    const { rows } = await pool.query("select last_error from edge_targets where url = $1", [edge.url]);
    expect(rows[0]?.last_error).toContain("update the edge");
  });
});
