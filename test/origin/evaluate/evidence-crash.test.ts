// Evidence alone is not waited for the disk (origin/evaluate/store-evaluations.ts). Here PostgreSQL crashes before it is there, and what
// is decided afterwards has to be what would have been decided without the crash.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { startEmbeddedPostgres } from "../../../origin/db/embedded-postgres.ts";
import { freePort } from "../../../origin/db/free-port.ts";
import { migrate } from "../../../origin/db/migrate.ts";
import { makePool } from "../../../origin/db/pool.ts";
import type { Decision } from "../../../origin/decide/decision.ts";
import { makeTrial, ruleOf, START } from "../../support/trial.ts";

const folder = await mkdtemp(join(tmpdir(), "sluice-crash-"));
const port = await freePort();
/** What is not waited for stays in memory for ten seconds, where it is 0.2 s by default, and nothing else writes. */
const settings = { wal_writer_delay: "10s", autovacuum: "off" };
const startPostgres = () => startEmbeddedPostgres({ dataDir: folder, port, settings });
let postgres = await startPostgres();
const pool = makePool(postgres.url, { applicationName: "sluice-test", onIdleError: () => {} });
afterAll(async () => {
  await pool.end();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
});

const { insertFeature, insertTelemetry, insertTrafficUntil, startEvaluator } = makeTrial({
  pool,
  servicePool: pool,
});

/** A feature that is good for 40 seconds and useless from then on, and nothing known of it. */
const begin = async (): Promise<void> => {
  await pool.query("drop schema public cascade; create schema public");
  await migrate(postgres.url);
  await insertTrafficUntil(10_000);
  await insertFeature(ruleOf());
  await insertTelemetry({ seconds: 40, units: 20, activation: 0.3, retention: 0.6, latencyMs: 50 });
  await insertTelemetry({ seconds: 60, units: 20, activation: 0, retention: 0, latencyMs: 50 }, START + 40);
};

const seqOf = async (): Promise<number> => {
  const { rows } = await pool.query<{ seq: number }>("select seq from pmf_trials");
  return rows[0]?.seq ?? 0;
};

/** Kills PostgreSQL with everything that is not on the disk; how many times what was stored is gone. */
const crash = async (): Promise<number> => {
  const before = await seqOf();
  process.kill(postgres.pid, "SIGQUIT");
  await postgres.ended;
  postgres = await startPostgres();
  return before - (await seqOf());
};

type Life = {
  /** by second, as they were announced */
  readonly decisions: readonly Decision[];
  readonly stored: readonly object[];
  readonly rollbacks: number;
  readonly lost: number;
};

/** An evaluation a second until the feature is rolled back, with a crash after those that `isCrash` names. */
const live = async (
  isCrash: (second: number, isDecision: boolean) => boolean,
  isRestarted: boolean,
): Promise<Life> => {
  await begin();
  let evaluator = startEvaluator();
  const decisions: Decision[] = [];
  let rollbacks = 0;
  let lost = 0;
  for (let second = 1; ; second++) {
    const decision = await evaluator.decisionAt(second);
    if (decision === undefined) break;
    const isDecision = decision.action !== "WAIT" && decision.state !== decisions.at(-1)?.state;
    decisions.push(decision);
    if (!isCrash(second, isDecision)) continue;
    lost += await crash();
    if (!isRestarted) continue;
    rollbacks += evaluator.rollbacks.length;
    evaluator = startEvaluator();
  }
  const { rows: stored } = await pool.query<object>(
    "select at, state, mature, decision from pmf_evaluations order by id",
  );
  const { rows: audit } = await pool.query<{ action: string; revision: number }>(
    "select action, revision from rollback_audit",
  );
  expect(audit).toEqual([{ action: "rollback", revision: 1 }]);
  return { decisions, stored, rollbacks: rollbacks + evaluator.rollbacks.length, lost };
};

const undisturbed = await live(() => false, false);

test("without a crash the feature is kept, watched and rolled back once", () => {
  const states = undisturbed.decisions.map(({ state }) => state);
  expect([...new Set(states)]).toEqual(["COLLECTING", "TESTING", "KEEP", "WATCH", "ROLLBACK"]);
  expect(undisturbed.rollbacks).toBe(1);
});

test.each([
  { whoGoesOn: "the same process", isRestarted: false },
  { whoGoesOn: "a new process", isRestarted: true },
])(
  "crashes that take evidence away or come right after a decision change no decision of $whoGoesOn",
  async ({ isRestarted }) => {
    const disturbed = await live(
      (second, isDecision) => isDecision || (second > 20 && second % 3 === 0),
      isRestarted,
    );
    expect(disturbed.lost, "evidence that had not reached the disk").toBeGreaterThan(5);
    expect(disturbed.decisions).toEqual(undisturbed.decisions);
    expect(disturbed.stored).toEqual(undisturbed.stored);
    expect(disturbed.rollbacks).toBe(1);
  },
);

test("what one process decides after a crash is not undone by another that remembers the lost evidence", async () => {
  const keptAt = undisturbed.decisions.findIndex(({ state }) => state === "KEEP") + 1;
  await begin();
  const [one, other] = [startEvaluator(), startEvaluator()];
  for (let second = 1; second < keptAt - 1; second++) await one.decisionAt(second);
  await pool.query("checkpoint");
  await one.decisionAt(keptAt - 1);
  expect(await crash()).toBe(1);
  expect(await other.stateAt(keptAt)).toBe("KEEP");
  expect(await one.stateAt(keptAt + 1)).toBe("WATCH");
});
