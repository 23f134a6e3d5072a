// A unit is forgotten: the whole database is searched for it, on a real PostgreSQL with the service's rights.
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readAllPositions } from "../../../origin/aggregate/checkpoints.ts";
import { makeForgetUnit } from "../../../origin/aggregate/forget-unit.ts";
import { verifyAudit } from "../../../origin/features/audit/verify-audit.ts";
import { makePostgresLogReader } from "../../../origin/span-log/read-log.ts";
import { SpanLogUnreachable } from "../../../origin/span-log/span-log.ts";
import { makePseudonymKeys } from "../../../origin/span-log/pseudonyms/pseudonym-keys.ts";
import { pseudonymOf } from "../../../origin/span-log/pseudonyms/pseudonym.ts";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { columnsThatHold } from "../../support/everything-stored.ts";
import { createFeature, startTelemetry, type TestTelemetry } from "../../support/telemetry.ts";

const UNIT = "ada.lovelace@example.com";
const BY = { actor: "token:privacy", reason: "request 4711" };

let database: TestDatabase;
let telemetry: TestTelemetry;
beforeAll(async () => {
  database = await makeTestDatabase();
  telemetry = await startTelemetry(database, { unitIds: "pseudonymous" });
});
afterAll(async () => {
  await telemetry.stop();
  await database.drop();
});

type Options = Partial<Parameters<typeof makeForgetUnit>[0]>;
const forget = (unfoldedSeconds?: () => Promise<number>, more: Options = {}) =>
  makeForgetUnit({
    unfoldedSeconds:
      unfoldedSeconds ??
      (async () =>
        makePostgresLogReader(database.servicePool).unfoldedSeconds(
          await readAllPositions(database.servicePool),
        )),
    main: database.servicePool,
    others: [],
    unknownPlaces: async () => [],
    columnStore: null,
    pseudonyms: makePseudonymKeys({ db: database.servicePool, keys: undefined, naming: "pseudonymous" }),
    ...more,
  });
const namesOf = async (unit: string): Promise<string[]> => {
  const { keys } = await makePseudonymKeys({
    db: database.pool,
    keys: undefined,
    naming: "pseudonymous",
  }).known();
  return [unit, ...keys.map((key) => pseudonymOf(key, unit))];
};
const held = async (unit: string): Promise<string[]> => {
  const columns = await Promise.all(
    (await namesOf(unit)).map((name) => columnsThatHold(database.pool, name)),
  );
  return columns.flat();
};
const exposures = async (featureId: string): Promise<number> => {
  const { rows } = await database.pool.query<{ units: number }>(
    `select coalesce(sum(units), 0)::int as units from outcome_counts
     where feature_id = $1 and signal = 'exposure'`,
    [featureId],
  );
  return rows[0]?.units ?? 0;
};

test("no table holds a forgotten unit, by its id or a pseudonym; others and all counts stay; the audit does not name it", async () => {
  await createFeature(database, "feat_new");
  await createFeature(database, "feat_old");
  await createFeature(database, "feat_set_aside");
  // Of before an upgrade: by its id. And records that cannot be counted just now.
  await database.pool.query(
    `insert into epoch_pseudonyms values ('feat_old', 1, null);
     insert into fold_quarantine (feature_id, epoch, partition, error)
     select 'feat_set_aside', 1, p, 'tried' from generate_series(0, 3) p`,
  );
  const other = "somebody.else@example.com";
  for (const unit of [UNIT, other])
    for (const feature of ["feat_new", "feat_old", "feat_set_aside"])
      await telemetry.sendSpans([
        { feature, unit, variant: "treatment" },
        { feature, unit, variant: "treatment", activated: true, failed: true },
      ]);
  await telemetry.sendSpans([
    { feature: "feat_new", unit: `${UNIT}.waits`, attributes: { "sluice.exposure": false } },
  ]);
  await telemetry.folded();
  expect(await held(UNIT)).not.toEqual([]);
  const waiting = await database.pool.query("select from waiting_units");
  expect(waiting.rowCount).toBe(1);
  await database.pool.query(`update feature_flags set targeting = $1 where feature_id = 'feat_old'`, [
    { attribute: "claim:email", operator: "in", values: [UNIT] },
  ]);

  const forgotten = await forget()(UNIT, BY);
  expect(forgotten).toMatchObject({ rawSpans: 6, isComplete: true, namedBy: ["feature feat_old"] });
  expect(forgotten.evidence).toBeGreaterThanOrEqual(2);
  expect(forgotten.logRecords).toBeGreaterThanOrEqual(6);
  expect(await forget()(`${UNIT}.waits`, BY)).toMatchObject({ waiting: 1 });
  // The targeting is a person's to change.
  await database.pool.query("update feature_flags set targeting = null where feature_id = 'feat_old'");
  expect(await held(UNIT)).toEqual([]);
  expect(await held(other)).not.toEqual([]);
  for (const featureId of ["feat_new", "feat_old"]) expect(await exposures(featureId)).toBe(2);

  const { rows } = await database.pool.query(
    "select actor, action, feature_id, reason from rollback_audit order by seq limit 1",
  );
  expect(rows).toEqual([{ actor: BY.actor, action: "forget", feature_id: "unit", reason: BY.reason }]);
  expect(await verifyAudit(database.pool)).toMatchObject({ ok: true, rows: 2 });
});

test("to forget a unit again finds nothing, and one that nobody knows neither", async () => {
  const nothing = {
    evidence: 0,
    rawSpans: 0,
    waiting: 0,
    logRecords: 0,
    isComplete: true,
    notReached: [],
    namedBy: [],
  };
  for (const unit of [UNIT, "nobody"]) {
    const pseudonyms = (await namesOf(unit)).slice(1);
    expect(pseudonyms).toHaveLength(1);
    expect(await forget()(unit, BY)).toEqual({ ...nothing, pseudonyms });
  }
});

test("a short id does not touch the records of others that contain it", async () => {
  await createFeature(database, "feat_short");
  await database.pool.query("insert into epoch_pseudonyms values ('feat_short', 1, null)");
  await telemetry.sendSpans([
    { feature: "feat_short", unit: "a", variant: "treatment" },
    { feature: "feat_short", unit: "ab", variant: "treatment" },
  ]);
  await telemetry.folded();
  expect(await forget()("a", BY)).toMatchObject({ logRecords: 1, rawSpans: 1, evidence: 1 });
  const { rows } = await database.pool.query(
    "select user_id from feature_exposures where feature_id = 'feat_short'",
  );
  expect(rows).toEqual([{ user_id: "ab" }]);
});

test("a forgotten unit that comes again is known again, and can be forgotten again", async () => {
  await telemetry.sendSpans([{ feature: "feat_new", unit: UNIT, variant: "treatment", failed: true }]);
  await telemetry.folded();
  expect(await held(UNIT)).not.toEqual([]);
  expect(await forget()(UNIT, BY)).toMatchObject({ rawSpans: 1, isComplete: true });
  expect(await held(UNIT)).toEqual([]);
});

test("units that are forgotten at the same time and stand in one block are both nameless there", async () => {
  await createFeature(database, "feat_together");
  await database.pool.query("insert into epoch_pseudonyms values ('feat_together', 1, null)");
  const units = Array.from({ length: 8 }, (_, i) => `together-${i}@example.com`);
  await telemetry.sendSpans(
    units.map((unit) => ({ feature: "feat_together", unit, variant: "treatment" as const })),
  );
  await telemetry.folded();
  await Promise.all(units.map((unit) => forget()(unit, BY)));
  const { rows } = await database.pool.query(
    `select unit from unnest($1::text[]) unit
     where exists (select from span_log where position(convert_to(unit, 'UTF8') in block) > 0)`,
    [units],
  );
  expect(rows).toEqual([]);
});

test("it waits for the log, wherever that is, and says so where the log cannot be asked", async () => {
  // The oldest was taken before: until it is folded, after three looks.
  let looks = 0;
  expect(await forget(async () => (++looks < 3 ? 60 : 0))("nobody", BY)).toMatchObject({ isComplete: true });
  expect(looks).toBe(3);
  const away = () => Promise.reject(new SpanLogUnreachable("away"));
  expect(await forget(away)("nobody", BY)).toMatchObject({ isComplete: false });
});

test("it reaches the spool and every database; one that is away is told and is reached when it is repeated", async () => {
  const unit = "in.every.place@example.com";
  const [, pseudonym = ""] = await namesOf(unit);
  const other = await makeTestDatabase();
  try {
    const lines = (...units: string[]) =>
      gzipSync(units.map((name) => `${JSON.stringify({ user_id: name, name: "GET /" })}\n`).join(""));
    for (const { pool } of [database, other])
      await pool.query("insert into raw_span_spool (spans, lines) values (3, $1), (1, $2)", [
        lines(unit, "somebody", pseudonym),
        lines(pseudonym),
      ]);
    let isAway = true;
    const deleted: string[][] = [];
    const places: Options = {
      others: [
        {
          name: "a",
          pool: () => {
            if (isAway) throw new Error("connect ECONNREFUSED");
            return other.servicePool;
          },
        },
      ],
      unknownPlaces: async () => (isAway ? ["b"] : []),
      columnStore: {
        deleteUnits: async (names) => {
          deleted.push([...names]);
          return isAway ? "NETWORK_ERROR: away" : null;
        },
      },
    };
    expect(await forget(undefined, places)(unit, BY)).toMatchObject({
      rawSpans: 3,
      isComplete: false,
      pseudonyms: [pseudonym],
      notReached: [
        { place: "a", error: "connect ECONNREFUSED" },
        { place: "b", error: expect.stringContaining("AGGREGATE_DATABASE_URLS does not name it") },
        { place: "ClickHouse", error: "NETWORK_ERROR: away" },
      ],
    });
    isAway = false;
    expect(await forget(undefined, places)(unit, BY)).toMatchObject({
      rawSpans: 3,
      isComplete: true,
      notReached: [],
    });
    expect(deleted).toEqual([
      [unit, pseudonym],
      [unit, pseudonym],
    ]);
    for (const { pool } of [database, other]) {
      const { rows } = await pool.query<{ spans: number; lines: Buffer }>(
        "select spans, lines from raw_span_spool",
      );
      expect(rows.map(({ spans, lines: packed }) => [spans, gunzipSync(packed).toString()])).toEqual([
        [1, '{"user_id":"somebody","name":"GET /"}\n'],
      ]);
    }
  } finally {
    await other.drop();
    await database.pool.query("truncate raw_span_spool");
  }
});
