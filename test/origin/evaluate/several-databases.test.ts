// The evaluator on counts that live in three databases, one of which is away now and then: real PostgreSQL, real moves. The counts are
// as folds would have left them, and the clock is the test's.
import { createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { emptySketch, encodeSketch, recordLatency } from "../../../shared/telemetry/latency-sketch.ts";
import { makeLagMonitor } from "../../../origin/aggregate/lag-monitor.ts";
import { movePartition } from "../../../origin/aggregate/move/move-partition.ts";
import { MAIN, type AggregateDatabase } from "../../../origin/db/aggregate-databases.ts";
import { makePool, type Pool } from "../../../origin/db/pool.ts";
import { asServiceRole } from "../../../origin/db/service-role.ts";
import { makeAggregates } from "../../../origin/evaluate/aggregates.ts";
import { makeEvaluationReads } from "../../../origin/evaluate/evaluation-reads.ts";
import type { StoredEvidence } from "../../../origin/evaluate/stored-trial.ts";
import { makePostgresLogReader } from "../../../origin/span-log/read-log.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { makeAggregateDatabases } from "../../support/aggregate-databases.ts";
import { startCuttableProxy, type CuttableProxy } from "../../support/cuttable-proxy.ts";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { listenOnLoopback } from "../../support/listen.ts";
import { makeTestLog } from "../../support/log.ts";
import { FEATURE, makeTrial, ruleOf, START } from "../../support/trial.ts";

/** Where each partition lives at the begin of a test. */
const HOMES = [MAIN, "a", "b", MAIN] as const;
const ALL = [0, 1, 2, 3];
/** Never decided about: for tests that count. */
const UNDECIDED = ruleOf({ minCohortSize: 1_000_000 });
const HEALTHY = { units: 40, activation: 0.2, retention: 0.5, latencyMs: 50 };
const FAILING = { units: 40, activation: 0.075, retention: 0.2, latencyMs: 50 };

let alone: TestDatabase;
let main: TestDatabase;
let aggregates: Awaited<ReturnType<typeof makeAggregateDatabases>>;
/** The way to the database `b`. */
let way: CuttableProxy;
let farPool: Pool;

beforeAll(async () => {
  [alone, main] = await Promise.all([makeTestDatabase(), makeTestDatabase()]);
  aggregates = await makeAggregateDatabases(main, ["a", "b"]);
  const far = new URL(asServiceRole(aggregates.databaseOf("b").url));
  way = await startCuttableProxy(far.href);
  far.host = new URL(way.url).host;
  farPool = makePool(far.href, { applicationName: "sluice-aggregates", max: 4, onIdleError: () => {} });
  for (const [partition, to] of HOMES.entries())
    await movePartition(main.servicePool, aggregates.all, { partition, to });
  // A log for rows of the minutes before.
  await main.pool.query(
    "create table span_log_of_test partition of span_log for values from ('2000-01-01') to ('2100-01-01')",
  );
});
afterAll(async () => {
  await farPool.end();
  way.stop();
  await aggregates.drop();
  await main.drop();
  await alone.drop();
});
beforeEach(async () => {
  way.mend();
  for (const { pool } of [alone, main])
    await pool.query(
      "truncate feature_flags, outcome_counts, latency_sketches, pmf_evaluations, pmf_trials, pmf_ramps, span_log cascade",
    );
  for (const name of [MAIN, "a", "b"])
    await aggregates
      .databaseOf(name)
      .pool.query("truncate outcome_counts_by_partition, latency_sketches, fold_checkpoints");
  for (const database of [alone, main]) await makeTrial(database).insertTrafficUntil(10_000);
});

type Telemetry = typeof HEALTHY & { readonly seconds: number };

/** A number as four that differ by one at most: the part of each partition. */
const partOf = (partition: number, whole: number): number => Math.floor((whole + partition) / 4);

/** What makeTrial(…).insertTelemetry inserts, divided among the partitions; `homes`: their databases. */
const spreadTelemetry = async (
  { seconds, units, activation, retention, latencyMs }: Telemetry,
  { partitions = ALL, from = START }: { partitions?: readonly number[]; from?: number } = {},
): Promise<void> => {
  const { rows } = await main.pool.query<{ partition: number; database: string }>(
    "select partition, database from partition_places",
  );
  for (const { partition, database } of rows.filter((row) => partitions.includes(row.partition))) {
    const { pool } = aggregates.databaseOf(database);
    const sketch = emptySketch();
    for (let request = 0; request < partOf(partition, units); request++) recordLatency(sketch, latencyMs);
    for (const [cohort, shares] of [
      ["treatment", [1, activation, retention]],
      ["holdout", [1, 0.2, 0.5]],
    ] as const) {
      await pool.query(
        `insert into outcome_counts_by_partition (feature_id, epoch, cohort, signal, age_s, bucket_s, units, partition)
         select $1, 1, $2, signal, age_s, bucket_s, units, $6
         from generate_series($3::bigint, $3 + $4 - 1) bucket_s
         cross join unnest(array['exposure', 'activation', 'retention'], array[0, 8, 20], $5::integer[])
           as counted (signal, age_s, units)`,
        [
          FEATURE,
          cohort,
          from,
          seconds,
          shares.map((share) => partOf(partition, Math.round(units * share))),
          partition,
        ],
      );
      await pool.query(
        `insert into latency_sketches (feature_id, epoch, cohort, bucket_s, partition, requests, errors, sketch)
         select $1, 1, $2, bucket_s, $5, $6, 0, $7 from generate_series($3::bigint, $3 + $4 - 1) bucket_s`,
        [FEATURE, cohort, from, seconds, partition, partOf(partition, units), encodeSketch(sketch)],
      );
    }
  }
};

/** Telemetry of the partition that is acknowledged, so many seconds ago, and that nobody has folded. */
const acknowledge = async (partition: number, secondsAgo: number): Promise<void> => {
  await main.pool.query(
    `insert into span_log (at, writer, partition, seq, records, span_keys, block)
     values (clock_timestamp() - make_interval(secs => $2), 1, $1, 1, 1, '', '')`,
    [partition, secondsAgo],
  );
};

const storedEvidence = async ({ pool }: TestDatabase): Promise<StoredEvidence> => {
  const { rows } = await pool.query<{ evidence: StoredEvidence }>(
    "select evidence from pmf_trials where feature_id = $1",
    [FEATURE],
  );
  if (rows[0] === undefined) throw new Error("there is no trial");
  return rows[0].evidence;
};

/** Who is counted; the bets on them may come in another order. */
const countedIn = async (database: TestDatabase) => {
  const { exposed, sampleRatio, activation, retention, traffic, missed } = await storedEvidence(database);
  return {
    exposed,
    ratio: [sampleRatio.treatment, sampleRatio.holdout],
    mature: [...activation, ...retention].map(({ ageSeconds, foldedTo, mature }) => ({
      ageSeconds,
      foldedTo,
      mature,
    })),
    requests: [traffic.latency.requests, traffic.errors.requests, traffic.lost?.requests],
    p95Ms: traffic.p95Ms,
    trafficTo: traffic.foldedTo,
    missed,
  };
};

/** All of them, one of which is reached in another way. */
const reaching = (name: string, pool: () => Pool): AggregateDatabase[] =>
  aggregates.all.map((database) => ({
    name: database.name,
    url: database.url,
    pool: database.name === name ? pool : database.pool,
  }));

/** The evaluator on these databases, with the real lag of their folds, as an origin runs it. */
const startSpread = (
  all: readonly AggregateDatabase[] = reaching("b", () => farPool),
  mainDatabase: TestDatabase = main,
) => {
  const time = { ms: 0 };
  const nowMs = (): number => time.ms;
  const monitor = makeLagMonitor(
    {
      pool: mainDatabase.servicePool,
      spanLog: makePostgresLogReader(mainDatabase.servicePool),
      databases: all,
    },
    nowMs,
  );
  const view = makeAggregates({
    databases: { all, problems: () => new Map(), stop: async () => {} },
    lagOf: monitor.lagOf,
    nowMs,
  });
  const log = makeTestLog();
  const started = makeTrial(mainDatabase).startEvaluator({ aggregates: view, log });
  const { servicePool } = mainDatabase;
  const reads = makeEvaluationReads({
    pool: servicePool,
    history: (read) => read(servicePool),
    aggregates: view,
    now: () => started.clock.now,
    rawKeepDays: 62,
  });
  /** As the monitor does it every second. */
  const readLag = async (seconds: number): Promise<void> => {
    time.ms = seconds * 1_000;
    await monitor.read().catch(() => {});
  };
  const lookAt = async (seconds: number) => {
    time.ms = seconds * 1_000;
    started.clock.lagSeconds = monitor.lagSeconds();
    return started.decisionAt(seconds);
  };
  return {
    ...started,
    time,
    log,
    reads,
    monitor,
    readLag,
    lookAt,
    /** One round, and the lag is known. */
    at: async (seconds: number) => {
      await readLag(seconds);
      return lookAt(seconds);
    },
  };
};

const why = (reads: ReturnType<typeof startSpread>["reads"]) =>
  reads.why({
    featureId: FeatureId.parse(FEATURE),
    epoch: 1,
    epochStartedAt: new Date(START * 1_000),
    enabled: true,
    shares: { rolloutBps: 5_000, holdoutBps: 5_000 },
    rule: UNDECIDED,
  });

const move = (partition: number, to: string) =>
  movePartition(main.servicePool, aggregates.all, { partition, to });

describe("counts that live in three databases", () => {
  test.each([
    ["healthy", { ...HEALTHY, activation: 0.3, retention: 0.6, units: 20 }, "KEEP"],
    ["failing", FAILING, "ROLLBACK"],
  ])(
    "give the same evidence and the same decisions as in one, for a %s feature",
    async (_what, over, end) => {
      const telemetry = { seconds: 70, ...over };
      for (const database of [alone, main]) await makeTrial(database).insertFeature(ruleOf());
      await makeTrial(alone).insertTelemetry(telemetry);
      await spreadTelemetry(telemetry);
      const inOne = makeTrial(alone).startEvaluator();
      const inThree = startSpread();
      let decided = false;
      for (const second of [5, 12, 23, 40, 50, 65]) {
        if (decided) break;
        const [one, three] = [await inOne.decisionAt(second), await inThree.at(second)];
        expect(three).toEqual(one);
        decided = three?.state === end;
        expect(await storedEvidence(main)).toEqual(await storedEvidence(alone));
      }
      expect(decided).toBe(true);
      expect(inThree.rollbacks).toHaveLength(end === "ROLLBACK" ? 1 : 0);
    },
  );

  test("while one database is away go on without its people, who are in once, and not twice, when it is back", async () => {
    const telemetry = { seconds: 120, ...HEALTHY };
    for (const database of [alone, main]) await makeTrial(database).insertFeature(UNDECIDED);
    await makeTrial(alone).insertTelemetry(telemetry);
    await spreadTelemetry(telemetry);
    const inOne = makeTrial(alone).startEvaluator();
    const { at, log, reads, metrics } = startSpread();
    await at(20);
    const before = await storedEvidence(main);
    expect(before.exposed.treatment).toBe(16 * 40);

    way.cut();
    // In the very round in which it fails.
    expect((await at(21))?.details.exposed.treatment).toBe(16 * 40 + 30);
    expect((await at(28))?.details.exposed.treatment).toBe(16 * 40 + 8 * 30);
    expect((await at(50))?.details.exposed.treatment).toBe(16 * 40 + 30 * 30);
    expect(log.lines).toMatchObject([
      { level: "error", facts: { partitions: "2 in b", reason: expect.stringMatching(/terminated|ECONN/) } },
    ]);
    expect((await metrics.partitionsAway.get()).values).toMatchObject([
      { labels: { database: "b" }, value: 1 },
    ]);
    expect((await why(reads)).missedWarnings).toEqual([
      expect.stringMatching(/the people of 1 of 4 partitions are missed .* the database b cannot be asked/),
    ]);
    const { missed } = await storedEvidence(main);
    expect(missed).toContainEqual({
      partition: 2,
      signal: "exposure",
      ageSeconds: 0,
      from: START + 16,
      upTo: START + 46,
    });

    way.mend();
    for (const second of [70, 71, 90]) {
      await inOne.decisionAt(second);
      await at(second);
      expect(await countedIn(main)).toEqual(await countedIn(alone));
    }
    expect(log.lines.slice(1)).toMatchObject([{ level: "warn" }]);
    expect((await metrics.partitionsAway.get()).values).toEqual([]);
    expect((await why(reads)).missedWarnings).toEqual([]);
  });

  test("roll a failing feature back while one database is away, on the people of the others", async () => {
    await makeTrial(main).insertFeature(ruleOf());
    await spreadTelemetry({ seconds: 60, ...FAILING });
    way.cut();
    const { at, rollbacks } = startSpread();
    expect((await at(12))?.state).toBe("COLLECTING");
    const decision = await at(50);
    expect(decision?.state).toBe("ROLLBACK");
    expect(decision?.details.exposed.treatment).toBe(46 * 30);
    expect(rollbacks).toHaveLength(1);
    const { rows } = await main.pool.query("select enabled from feature_flags where feature_id = $1", [
      FEATURE,
    ]);
    expect(rows).toEqual([{ enabled: false }]);
  });
});

describe("telemetry that a database has not folded", () => {
  /** The others are healthy; of partition 2 nobody seems to act, because what they did is not folded. */
  const insert = async (): Promise<void> => {
    await makeTrial(main).insertFeature(ruleOf());
    await spreadTelemetry({ seconds: 60, ...HEALTHY }, { partitions: [0, 1, 3] });
    await spreadTelemetry({ seconds: 60, ...HEALTHY, activation: 0, retention: 0 }, { partitions: [2] });
  };
  const decidesWithout = async (
    round: Promise<{ state: string } | undefined>,
    { units }: { units: number },
  ): Promise<void> => {
    expect((await round)?.state).not.toBe("ROLLBACK");
    const { exposed, activation } = await storedEvidence(main);
    expect(exposed.treatment).toBe(units);
    const whole = activation.at(-1)?.mature.treatment;
    expect(whole?.s).toBeGreaterThan((whole?.n ?? 0) * 0.15);
  };

  test("is nobody's failure when the fold there is far behind", async () => {
    await insert();
    await acknowledge(2, 90);
    const { at, reads } = startSpread();
    await decidesWithout(at(50), { units: 46 * 30 });
    expect((await why(reads)).missedWarnings[0]).toMatch(/its fold is more than 60 s behind/);
  });

  test("is nobody's failure when the database has just come back and nobody knows how far its fold is", async () => {
    await insert();
    way.cut();
    const { readLag, lookAt, reads } = startSpread();
    await readLag(50);
    way.mend();
    await decidesWithout(lookAt(50), { units: 46 * 30 });
    expect((await why(reads)).missedWarnings[0]).toMatch(/how far its fold is behind is not known/);
  });

  test("is nobody's failure when the fold there falls behind its bound just after the round has chosen whom it reads", async () => {
    await insert();
    await acknowledge(2, 50);
    const { readLag, clock, decisionAt } = startSpread();
    await readLag(50);
    // What the monitor says from then on is about the others.
    clock.lagSeconds = 0;
    expect((await decisionAt(50))?.details.exposed.treatment).toBe(0);
  });

  test("is nobody's failure when the partition has just moved to a database whose fold was not behind", async () => {
    await insert();
    await acknowledge(2, 90);
    const { readLag, at, lookAt } = startSpread();
    await at(20);
    await readLag(48);
    await move(2, MAIN);
    try {
      await lookAt(50);
      // Now it is known: all that lives in the main database waits, and those of the partition in `a` are gone on with.
      await decidesWithout(at(51), { units: 16 * 30 + 31 * 10 });
    } finally {
      await move(2, "b");
    }
  });
});

describe("a move", () => {
  test("between the read and the write of a round makes the round count nothing, and the next one everybody once", async () => {
    for (const database of [alone, main]) await makeTrial(database).insertFeature(UNDECIDED);
    const telemetry = { seconds: 60, ...HEALTHY };
    await makeTrial(alone).insertTelemetry(telemetry);
    await spreadTelemetry(telemetry);
    let moves = false;
    const whenRead = new Proxy(aggregates.databaseOf("a").servicePool, {
      get: (pool, property: keyof Pool) =>
        property === "query"
          ? async (query: { name?: string }) => {
              const found = await pool.query(query as string);
              if (moves && query.name?.startsWith("read-outcomes") === true) {
                moves = false;
                await move(3, "a");
              }
              return found;
            }
          : pool[property],
    });
    const { at } = startSpread(reaching("a", () => whenRead));
    const inOne = makeTrial(alone).startEvaluator();
    await inOne.decisionAt(20);
    await at(20);
    moves = true;
    expect(await at(40)).toBeUndefined();
    expect(moves).toBe(false);
    expect(await countedIn(main)).toEqual(await countedIn(alone));
    await inOne.decisionAt(50);
    await at(50);
    expect(await countedIn(main)).toEqual(await countedIn(alone));
    await move(3, MAIN);
  });

  test("that is the first takes nobody from an evaluator that still looks for the counts of all partitions together", async () => {
    const first = await makeTestDatabase();
    const others = await makeAggregateDatabases(first, ["c"]);
    try {
      const { insertFeature, insertTelemetry, insertTrafficUntil } = makeTrial(first);
      await insertFeature(UNDECIDED);
      await insertTelemetry({ seconds: 60, ...HEALTHY });
      await insertTrafficUntil(10_000);
      const { at, clock, evaluator } = startSpread(others.all, first);
      await at(20);
      await movePartition(first.servicePool, others.all, { partition: 1, to: "c" });
      // The places are known for a second.
      clock.now = START + 30;
      await evaluator.evaluate();
      expect((await at(50))?.details.exposed.treatment).toBe(46 * 40);
    } finally {
      await others.drop();
      await first.drop();
    }
  });
});

test("evidence of an evaluator that knows nothing of partitions is refused once the counts are kept by partition", async () => {
  for (const [database, refusal] of [
    [alone, null],
    [main, "an origin of an older version cannot evaluate here"],
  ] as const) {
    await makeTrial(database).insertFeature(UNDECIDED);
    // As version 0.1.0-pre.1 stores it, first and later.
    const begin = (epoch: number, evidence: object) =>
      database.servicePool.query(
        `insert into pmf_trials (feature_id, epoch, terms, seq, evidence, treatment_sketch, holdout_sketch)
         values ($1, $2, 'terms', 1, $3, '', '')`,
        [FEATURE, epoch, evidence],
      );
    const goOn = () =>
      database.servicePool.query("update pmf_trials set seq = seq + 1, evidence = evidence - 'missed'");
    await begin(2, { since: START, missed: [] });
    if (refusal === null) {
      await begin(1, { since: START });
      await goOn();
    } else {
      await expect(begin(1, { since: START })).rejects.toThrow(refusal);
      await expect(goOn()).rejects.toThrow(refusal);
      // What people change of a feature goes on.
      await database.servicePool.query("update pmf_trials set terms = '', decided = null, seq = seq + 1");
    }
  }
});

test("a database that says nothing does not keep the lag of the others from being known", async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket));
  const { port } = await listenOnLoopback(silent);
  const pool = makePool(`postgres://127.0.0.1:${port}/nothing`, {
    applicationName: "sluice-aggregates",
    onIdleError: () => {},
  });
  const { monitor, readLag } = startSpread(reaching("b", () => pool));
  const read = readLag(1);
  expect(await Promise.race([read.then(() => "is read"), sleep(3_500, "is waited for")])).toBe("is read");
  expect(monitor.lagSeconds()).toBe(0);
  for (const socket of sockets) socket.destroy();
  silent.close();
  await pool.end();
});

test("with one database the places of partitions are not asked for each second, and with several they are; the log is asked once for all", async () => {
  const time = { ms: 0 };
  const countQuestions = async (pool: Pool, databases: readonly AggregateDatabase[]) => {
    const query = vi.spyOn(pool, "query");
    const unfoldedByPartition = vi.fn(makePostgresLogReader(pool).unfoldedByPartition);
    const spanLog = { unfoldedByPartition };
    const monitor = makeLagMonitor({ pool, spanLog, databases }, () => time.ms);
    for (time.ms = 0; time.ms < 10_000; time.ms += 1_000) await monitor.read();
    await monitor.readPartitions();
    const asked = query.mock.calls.filter(([statement]) => JSON.stringify(statement).includes("read-places"));
    query.mockRestore();
    return { places: asked.length, log: unfoldedByPartition.mock.calls.length };
  };
  expect(await countQuestions(alone.servicePool, [])).toEqual({ places: 3, log: 11 });
  expect((await aggregates.places()).size).toBeGreaterThan(1);
  const { places, log } = await countQuestions(main.servicePool, aggregates.all);
  expect(places).toBe(11);
  // A database that takes longer than the others has a question of its own.
  expect(log).toBeLessThan(22);
});
