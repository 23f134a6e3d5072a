// Schedules and approvals at the command line, against real origins on one database that are killed and started.
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { runCli } from "../support/cli.ts";
import { makeTestDatabase } from "../support/database.ts";
import { ADMIN_TOKEN, startOrigin } from "../support/origin.ts";
import { waitFor } from "../support/telemetry.ts";

const database = await makeTestDatabase();
const start = () => startOrigin({ DATABASE_URL: database.url });
const first = await start();
const second = await start();
const origins = [first, second];
afterAll(async () => {
  for (const origin of origins) await origin.end("SIGKILL");
  await database.drop();
});

const makeToken = async (name: string, scope: string): Promise<string> =>
  z.string().parse((await first.admin("POST", "/tokens", { name, scope }))["secret"]);
const tokens = {
  root: ADMIN_TOKEN,
  ann: await makeToken("ann", "editor"),
  bob: await makeToken("bob", "editor"),
};
const sluice = (who: keyof typeof tokens, args: readonly string[], origin = first) =>
  runCli(args, { SLUICE_URL: origin.url, SLUICE_TOKEN: tokens[who] });

const makeFeature = (featureId: string, fields: object = {}) =>
  first.admin("POST", "/features?force=true", {
    featureId,
    enabled: true,
    rolloutBps: 1000,
    reason: "x",
    ...fields,
  });
/** Its time comes in so many seconds by the database's clock; less than none: it was missed. */
const setDue = (scheduleId: string, seconds: number) =>
  database.pool.query(
    "update schedules set at = clock_timestamp() + $2 * interval '1 second' where schedule_id = $1",
    [scheduleId, seconds],
  );
const plan = async (feature: string, words: readonly string[]): Promise<string> => {
  const when = ["--at", "2027-12-01T09:00", "--zone", "Europe/Berlin"];
  const args = ["schedule", feature, ...words, ...when, "--reason", "as planned"];
  const { code, out, error } = await sluice("ann", args);
  expect({ code, error }).toEqual({ code: 0, error: "" });
  return /^(sch_[0-9a-f]+): /.exec(out)?.[1] ?? "";
};
const rowOf = async (scheduleId: string) => {
  const { rows } = await database.pool.query<{
    state: string;
    note: string;
    attempts: number;
    late: number;
    changes: number;
  }>(
    `select state, note, attempts, extract(epoch from finished_at - at)::float8 as late,
            (select count(*)::int from rollback_audit where actor = 'schedule:' || schedule_id) as changes
     from schedules where schedule_id = $1`,
    [scheduleId],
  );
  return rows[0];
};
const isOver = async (scheduleId: string) => (await rowOf(scheduleId))?.state !== "planned";

test("two origins carry a schedule out once, in time, and one that is killed does not stop the other", async () => {
  await makeFeature("feat_a");
  await makeFeature("feat_b");
  const [open, close] = [await plan("feat_a", ["ramp", "50%"]), await plan("feat_b", ["close"])];
  const listed = await sluice("bob", ["schedules"]);
  expect(listed.out).toMatch(
    /^ID +FEATURE +CHANGE +AT +UTC +STATE +NOTE\nsch_\w+ +feat_a +ramp 50 % +2027-12-01T09:00 Europe\/Berlin +2027-12-01 08:00:00 UTC +planned\nsch_\w+ +feat_b +close /,
  );
  await setDue(open, 1);
  await waitFor(() => isOver(open));
  expect(await rowOf(open)).toMatchObject({ state: "done", attempts: 1, changes: 1 });
  expect((await rowOf(open))?.late).toBeLessThan(1);

  await second.end("SIGKILL");
  await setDue(close, 0);
  await waitFor(() => isOver(close));
  expect(await rowOf(close)).toMatchObject({ state: "done", changes: 1 });
  const status = JSON.parse((await sluice("bob", ["status", "--json"])).out);
  expect(status).toMatchObject([
    { featureId: "feat_a", rolloutBps: 5000 },
    { featureId: "feat_b", enabled: false, rollbackReason: "as planned" },
  ]);
});

test("what came due while no origin ran is caught up by the next one, and what is too late is skipped", async () => {
  await makeFeature("feat_c");
  await makeFeature("feat_d");
  const [caughtUp, tooLate] = [await plan("feat_c", ["ramp", "50%"]), await plan("feat_d", ["ramp", "50%"])];
  const cancelled = await plan("feat_d", ["open"]);
  expect((await sluice("ann", ["schedules", "--cancel", cancelled])).out).toBe(`${cancelled} is cancelled\n`);
  await database.pool.query("update schedules set grace_seconds = 1 where schedule_id = $1", [tooLate]);
  await first.end("SIGKILL");
  await setDue(caughtUp, -3);
  await setDue(tooLate, -3);
  const third = await start();
  origins.push(third);
  await waitFor(async () => (await isOver(caughtUp)) && (await isOver(tooLate)));
  expect(await rowOf(caughtUp)).toMatchObject({ state: "done", changes: 1 });
  expect(await rowOf(tooLate)).toMatchObject({
    state: "skipped",
    changes: 0,
    note: expect.stringContaining("only 1 s are allowed"),
  });

  // Four eyes, with the CLI alone.
  const policy = { tags: ["payment"], reason: "money" };
  const set = await fetch(`${third.url}/admin/v1/approvals/policy`, {
    method: "PUT",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "if-match": '"0"' },
    body: JSON.stringify(policy),
  });
  expect(set.status).toBe(200);
  await third.admin("POST", "/features?force=true", {
    featureId: "feat_pay",
    tags: ["payment"],
    reason: "x",
  });
  const on = (who: keyof typeof tokens, args: readonly string[]) => sluice(who, args, third);
  const asked = await on("ann", ["enable", "feat_pay", "--rollout", "10%", "--reason", "launch"]);
  expect(asked).toMatchObject({ code: 5, out: "" });
  const id = /sluice approvals show (apr_[0-9a-f]+)/.exec(asked.error)?.[1] ?? "";
  const asJson = await on("ann", ["enable", "feat_pay", "--rollout", "10%", "--reason", "launch", "--json"]);
  expect(JSON.parse(asJson.error)).toMatchObject({ exitCode: 5, approval: { approvalId: id } });
  expect((await on("bob", ["approvals", "list"])).out).toMatch(
    new RegExp(`\\n${id} +open +enable +feat_pay +token:ann +.* UTC +launch\n$`),
  );
  const shown = await on("bob", ["approvals", "show", id]);
  expect(shown.out).toContain("  enabled: false → true\n  rolloutBps: 0 → 1000\n");
  const hash = /hash ([0-9a-f]{64})/.exec(shown.out)?.[1] ?? "";
  expect(await on("ann", ["approvals", "approve", id, "--hash", hash])).toMatchObject({ code: 1 });
  expect((await on("bob", ["approvals", "approve", id, "--hash", hash])).out).toMatch(
    /^apr_\w+ is applied at revision \d+\n$/,
  );
  expect((await on("bob", ["approvals", "list", "--decided"])).out).toContain("applied");
});

test("annotate marks a deploy on the charts of a feature, and a wrong field is named", async () => {
  const origin = await start();
  origins.push(origin);
  await origin.admin("POST", "/features", { featureId: "feat_marked", reason: "x" });
  const link = "https://ci.example.com/4711";
  const words = ["annotate", "Deploy 4711", "--link", link, "--features", "feat_marked"];
  const marked = await sluice("ann", [...words, "--at", "2026-01-02T03:04:05Z"], origin);
  expect(marked).toMatchObject({ code: 0, error: "" });
  expect(marked.out).toMatch(/^\S+: Deploy 4711 at 2026-01-02T03:04:05\.000Z, about feat_marked\n$/);
  expect(await origin.admin("GET", "/annotations?featureId=feat_marked")).toMatchObject({
    annotations: [{ title: "Deploy 4711", link, features: ["feat_marked"], madeBy: "token:ann" }],
  });
  const wrong = await sluice("ann", ["annotate", "Deploy", "--at", "yesterday"], origin);
  expect(wrong.code).not.toBe(0);
  expect(wrong.error).toMatch(/\bat\b/);
});
