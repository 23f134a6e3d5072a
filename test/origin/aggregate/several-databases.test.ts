// Partitions that live in several databases, and their moves between them: real folds, real PostgreSQL.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readPositionsOfAll } from "../../../origin/aggregate/checkpoints.ts";
import { startFold } from "../../../origin/aggregate/fold-thread.ts";
import { finishMoves } from "../../../origin/aggregate/move/finish-moves.ts";
import { movePartition, type Step } from "../../../origin/aggregate/move/move-partition.ts";
import { asServiceRole } from "../../../origin/db/service-role.ts";
import { makeAggregates } from "../../../origin/evaluate/aggregates.ts";
import type { StoredEvidence } from "../../../origin/evaluate/stored-trial.ts";
import { makeLogger } from "../../../origin/runtime/log.ts";
import { makeMetrics } from "../../../origin/runtime/metrics.ts";
import { makePostgresLogReader } from "../../../origin/span-log/read-log.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { makeAggregateDatabases } from "../../support/aggregate-databases.ts";
import { runCli } from "../../support/cli.ts";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { newUnit } from "../../support/otlp-spans.ts";
import { createFeature, startTelemetry, waitFor, type TestTelemetry } from "../../support/telemetry.ts";
import { makeTrial, ruleOf } from "../../support/trial.ts";

let main: TestDatabase;
let aggregates: Awaited<ReturnType<typeof makeAggregateDatabases>>;
let telemetry: TestTelemetry;
beforeAll(async () => {
  main = await makeTestDatabase();
  aggregates = await makeAggregateDatabases(main, ["a", "b"]);
  telemetry = await startTelemetry(main, { aggregateDatabases: aggregates.configured });
});
afterAll(async () => {
  await telemetry.stop();
  await aggregates.drop();
  await main.drop();
});

const send = async (feature: string, units: readonly string[], activated = false): Promise<void> => {
  await telemetry.sendSpans(units.map((unit) => ({ feature, unit, activated })));
};
const move = (partition: number, to: string, onStep?: (step: Step) => Promise<void>) =>
  movePartition(main.servicePool, aggregates.all, { partition, to }, onStep);

const STEPS: readonly Step[] = ["full runs copied", "owned", "copied", "left", "told", "opened", "removed"];

/** Rows of the partition that a database still has, in any table. */
const remains = async (database: string, partition: number): Promise<number> => {
  const { rows } = await aggregates.databaseOf(database).pool.query<{ rows: number }>(
    `select (select count(*) from outcome_counts_by_partition where partition = $1)
       + (select count(*) from latency_sketches where partition in ($1, $1 + 100))
       + (select count(*) from unit_runs where partition = $1) + (select count(*) from fold_partitions where partition = $1)
       + (select count(*) from moved_partitions where partition = $1)
       + (select count(*) from fold_checkpoints where partition = $1)::integer as rows`,
    [partition],
  );
  return Number(rows[0]?.rows);
};

describe("partitions on several databases", () => {
  test("a database that no partition lives in is asked some times in a second, and not in each round of the fold", async () => {
    await waitFor(async () => telemetry.fold?.lagSeconds() !== null);
    const transactions = async (): Promise<number> => {
      const { rows } = await main.pool.query<{ transactions: number }>(
        "select xact_commit + xact_rollback as transactions from pg_stat_database where datname = $1",
        [new URL(aggregates.databaseOf("a").url).pathname.slice(1)],
      );
      return rows[0]?.transactions ?? 0;
    };
    // Each session tells the server once a second what it did.
    await sleep(1_000);
    const before = await transactions();
    await sleep(2_000);
    expect((await transactions()) - before).toBeLessThan(10);
  });

  test("move one after the other while telemetry comes in, and every unit is counted once, wherever it was exposed and acts", async () => {
    await createFeature(main, "feat_moves", { activationWindowSeconds: 3_600 });
    const units: string[] = [];
    const sendMore = async () => {
      const some = Array.from({ length: 60 }, newUnit);
      units.push(...some);
      await send("feat_moves", some);
    };
    await sendMore();
    await telemetry.folded();
    const moving = new AbortController();
    const sending = (async () => {
      while (!moving.signal.aborted) {
        await sendMore();
        await sleep(20);
      }
    })();
    await move(1, "a");
    await move(2, "b");
    await move(3, "a");
    moving.abort();
    await sending;
    // Those of before the moves act now: their counts and their units have come along.
    for (let at = 0; at < units.length; at += 200) await send("feat_moves", units.slice(at, at + 200), true);
    await aggregates.folded();
    expect(await aggregates.places()).toEqual(
      new Map([
        ["a", [1, 3]],
        ["b", [2]],
        ["main", [0]],
      ]),
    );
    const counts = await aggregates.counts("feat_moves");
    const of = (signal: string) =>
      counts.filter((one) => one.signal === signal).reduce((sum, one) => sum + one.units, 0);
    expect(of("exposure")).toBe(units.length);
    // Activations are counted at each age of the rule.
    expect(of("activation") % units.length).toBe(0);
    expect(of("activation")).toBeGreaterThan(0);
    expect(await aggregates.requests()).toBe(units.length * 2);
    for (const partition of [1, 2, 3]) expect(await remains("main", partition)).toBe(0);
  }, 90_000);

  test("a move that is killed after any of its steps is run again, and nothing is lost or counted twice", async () => {
    await createFeature(main, "feat_killed");
    let sent = 0;
    const places = ["b", "a"];
    for (const [round, step] of STEPS.entries()) {
      const units = Array.from({ length: 40 }, newUnit);
      sent += units.length;
      await send("feat_killed", units);
      const to = places[round % 2] ?? "";
      await expect(
        move(3, to, async (done) => {
          if (done === step) throw new Error("killed");
        }),
      ).rejects.toThrow("killed");
      await move(3, to);
      expect((await aggregates.places()).get(to)).toContain(3);
      expect(await remains(places[(round + 1) % 2] ?? "", 3)).toBe(0);
      // The same units again: a partition that has come back knows them.
      await send("feat_killed", units);
    }
    await aggregates.folded();
    const exposed = (await aggregates.counts("feat_killed")).filter(({ signal }) => signal === "exposure");
    expect(exposed.reduce((sum, { units }) => sum + units, 0)).toBe(sent);
  }, 120_000);

  test("a move that is given up leaves nothing in the other database once the partition is told to stay", async () => {
    await expect(
      move(2, "a", async (done) => {
        if (done === "copied") throw new Error("killed");
      }),
    ).rejects.toThrow("killed");
    expect(await remains("a", 2)).toBeGreaterThan(0);
    expect(await move(2, "b")).toMatchObject({ facts: null, notAsked: [] });
    expect(await remains("a", 2)).toBe(0);
  });

  test("a move that was killed once the partition had left is finished by the origins, without the command", async () => {
    await expect(
      move(2, "a", async (done) => {
        if (done === "left") throw new Error("killed");
      }),
    ).rejects.toThrow("killed");
    expect((await aggregates.places()).get("b")).toContain(2);
    expect(await finishMoves(main.servicePool, aggregates.all)).toMatchObject({
      finished: [{ partition: 2, from: "b", to: "a" }],
      unfinished: [],
    });
    expect((await aggregates.places()).get("a")).toContain(2);
    expect(await remains("b", 2)).toBe(0);
    await move(2, "b");
  });

  test("a move whose session in the main database has ended keeps another from dropping what has arrived", async () => {
    await createFeature(main, "feat_two_moves");
    const units = Array.from({ length: 200 }, newUnit);
    await send("feat_two_moves", units);
    await aggregates.folded();
    await move(3, "main");
    const storedUnits = async (): Promise<number> => {
      let stored = 0;
      for (const name of ["main", "a", "b"]) {
        const { rows } = await aggregates
          .databaseOf(name)
          .pool.query<{ units: number }>(
            "select count(distinct unit_key)::integer as units from unit_evidence where feature_id = 'feat_two_moves'",
          );
        stored += rows[0]?.units ?? 0;
      }
      return stored;
    };
    expect(await storedUnits()).toBe(200);
    let second: unknown;
    await move(3, "a", async (step) => {
      if (step !== "copied") return;
      await waitFor(async () => {
        const { rowCount } = await main.pool.query(
          "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and classid = hashtext('sluice partition move of all')::bigint::bit(32)::bigint::oid",
        );
        return rowCount === 0;
      });
      second = await move(3, "a").catch((error: unknown) => error);
    });
    expect(await storedUnits()).toBe(200);
    expect(String(second)).toMatch(/another move of partition 3 is at work/);
  }, 60_000);

  test("a move that another one is finishing is left to it", async () => {
    const home = (await aggregates.places()).get("b")?.includes(2) === true ? "a" : "b";
    let unfinished: Awaited<ReturnType<typeof finishMoves>>["unfinished"] = [];
    await move(2, home, async (step) => {
      if (step === "left") unfinished = (await finishMoves(main.servicePool, aggregates.all)).unfinished;
    });
    expect(unfinished.map(({ error }) => String(error))).toEqual([
      expect.stringMatching(/another move of partition 2 is at work/),
    ]);
    await move(2, "b");
  });

  test("a change of the rule makes the counts of each database anew, and their sum stays", async () => {
    await createFeature(main, "feat_rule", { activationWindowSeconds: 3_600 });
    const units = Array.from({ length: 80 }, newUnit);
    await send("feat_rule", units);
    await aggregates.folded();
    await main.pool.query(
      `update pmf_rules set version = version + 1, rule = '{"activationWindowSeconds": 40}' where feature_id = 'feat_rule'`,
    );
    const windows = async (name: string) => {
      const { rows } = await aggregates
        .databaseOf(name)
        .pool.query<{ bucket_s: number }>("select bucket_s from fold_windows where feature_id = 'feat_rule'");
      return rows[0]?.bucket_s;
    };
    const before = await windows("main");
    await waitFor(async () => (await windows("a")) !== before && (await windows("b")) !== before);
    const exposed = (await aggregates.counts("feat_rule")).filter(({ signal }) => signal === "exposure");
    expect(exposed.reduce((sum, { units: counted }) => sum + counted, 0)).toBe(units.length);
  });

  test("a database that cannot be reached stops its own partitions, which go on when it is back", async () => {
    await createFeature(main, "feat_away");
    await move(3, "a");
    const broken = aggregates.configured.map(({ name, url }) => ({
      name,
      url: name === "b" ? "postgres://127.0.0.1:1/nothing" : url,
    }));
    await telemetry.fold?.stop();
    const metrics = makeMetrics();
    const start = (aggregateDatabases: typeof broken) =>
      startFold({
        databaseUrl: asServiceRole(main.url),
        spanLog: null,
        aggregateDatabases,
        logger: makeLogger("silent"),
        metrics,
        unitSlots: 2 ** 18,
      });
    const without = start(broken);
    const units = Array.from({ length: 200 }, newUnit);
    await send("feat_away", units);
    const exposed = async () =>
      (await aggregates.counts("feat_away"))
        .filter(({ signal }) => signal === "exposure")
        .reduce((sum, one) => sum + one.units, 0);
    const unfolded = async (): Promise<number> => {
      const { rows } = await main.pool.query<{ records: number }>(
        "select coalesce(sum(records), 0)::integer as records from span_log l where partition = 2 and at > now() - interval '1 minute'",
      );
      return rows[0]?.records ?? 0;
    };
    await waitFor(async () => (await exposed()) > 100);
    const waiting = await unfolded();
    expect(waiting).toBeGreaterThan(0);
    expect(await exposed()).toBeLessThan(200);
    await without.stop();
    const again = start(aggregates.configured);
    await aggregates.folded();
    expect(await exposed()).toBe(200);
    await again.stop();
  }, 60_000);

  test("requests that a partition had not folded when it moved are in the evidence once, although its new neighbours' were taken in before", async () => {
    const featureId = FeatureId.parse("feat_late");
    await createFeature(main, featureId, ruleOf({ featureId, minCohortSize: 1_000_000 }));
    await telemetry.fold?.stop();
    const withoutB = startFold({
      databaseUrl: asServiceRole(main.url),
      spanLog: null,
      aggregateDatabases: aggregates.configured.filter(({ name }) => name !== "b"),
      logger: makeLogger("silent"),
      metrics: makeMetrics(),
      unitSlots: 2 ** 18,
    });
    const problems = new Map([["b", "it is away"]]);
    const view = makeAggregates({
      databases: { all: aggregates.all, problems: () => problems, stop: async () => {} },
      lagOf: () => 0,
      // Each look is at the places of now.
      nowMs: () => performance.now() * 1_000,
    });
    const { clock, evaluator } = makeTrial(main).startEvaluator({ aggregates: view });
    const evidenceAt = async (second: number) => {
      clock.now = second;
      await evaluator.evaluate();
      const { rows } = await main.pool.query<{ evidence: StoredEvidence }>(
        "select evidence from pmf_trials where feature_id = 'feat_late'",
      );
      const { exposed, traffic, missed = [] } = rows[0]?.evidence ?? {};
      return {
        units: exposed?.treatment,
        requests: traffic?.errors.requests.treatment.n,
        missed: [...new Set(missed.map(({ partition }) => partition))],
      };
    };
    const isFolded = async (partitions: readonly number[]): Promise<boolean> => {
      const log = makePostgresLogReader(main.pool);
      const { checkpoints } = await readPositionsOfAll(main.pool, aggregates.all);
      return (await log.unfoldedSeconds({ partitions, checkpoints })) === 0;
    };
    const now = Date.now() / 1_000;
    await evidenceAt(now);
    const units = Array.from({ length: 200 }, newUnit);
    await send("feat_late", units);
    await waitFor(() => isFolded([0, 1, 3]));
    const before = await evidenceAt(now + 300);
    expect(before.requests).toBeGreaterThan(100);
    expect(before.requests).toBeLessThan(200);
    expect(before).toMatchObject({ units: before.requests, missed: [2] });

    await move(2, "main");
    await waitFor(() => isFolded([0, 1, 2, 3]));
    problems.clear();
    expect(await evidenceAt(now + 301)).toEqual({ units: 200, requests: 200, missed: [] });
    expect(await evidenceAt(now + 302)).toEqual({ units: 200, requests: 200, missed: [] });
    await withoutB.stop();
  }, 60_000);

  test("the partitions come back to the main database, and the sums are the same", async () => {
    const fold = startFold({
      databaseUrl: asServiceRole(main.url),
      spanLog: null,
      aggregateDatabases: aggregates.configured,
      logger: makeLogger("silent"),
      metrics: makeMetrics(),
      unitSlots: 2 ** 18,
    });
    const before = await aggregates.counts("feat_moves");
    const requests = await aggregates.requests();
    for (const partition of [1, 2, 3]) await move(partition, "main");
    expect(await aggregates.places()).toEqual(new Map([["main", [0, 1, 2, 3]]]));
    expect(await aggregates.counts("feat_moves")).toEqual(before);
    expect(await aggregates.requests()).toBe(requests);
    await fold.stop();
  }, 60_000);

  test("a partition is not moved into a database that is not this installation's", async () => {
    const other = await makeTestDatabase();
    await createFeature(other, "feat_of_another");
    const { code, error } = await runCli(["partitions", "move", "1", "--to", "c"], {
      DATABASE_URL: main.url,
      AGGREGATE_DATABASE_URLS: `c=${other.url}`,
    });
    expect(error).toContain("the aggregate database c cannot be used: it has features or counts of its own");
    expect(code).toBe(1);
    const { rows } = await other.pool.query("select from unit_runs");
    expect(rows).toEqual([]);
    expect(await aggregates.places()).toEqual(new Map([["main", [0, 1, 2, 3]]]));
    await other.drop();
  });
});
