// The service as it is, and whoever has its connection and wants more.
import { randomUUID } from "node:crypto";
import { afterAll, describe, expect, test } from "vitest";
import { changeServiceRights, hasOlderRights } from "../../../origin/db/service-rights.ts";
import { asServiceRole } from "../../../origin/db/service-role.ts";
import { makePool } from "../../../origin/db/pool.ts";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import { newFeature } from "../../../origin/features/new-feature.ts";
import { ensureLogPartitions } from "../../../origin/span-log/partitions.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
const login = `sluice_attacker_${randomUUID().replaceAll("-", "")}`;
await database.pool.query(`create role ${login} login password 'hunter2hunter2' in role sluice_service`);
const { rows: owners } = await database.pool.query<{ owner: string }>("select current_user as owner");
const owner = owners[0]?.owner;
const limited = new URL(database.url);
limited.username = login;
limited.password = "hunter2hunter2";
const service = makePool(asServiceRole(limited.href), {
  applicationName: "sluice-test-service",
  onIdleError: () => {},
});
const attacker = await service.connect();
await ensureLogPartitions(service, 1);
afterAll(async () => {
  attacker.release(true);
  await service.end();
  await database.pool.query(`drop role ${login}`);
  await database.drop();
});

const changes = makeFeatureChanges({ pool: service, newId: randomUUID });
const by = { actor: "ann", reason: "launch" };

test("the service changes features through the one function", async () => {
  const { rows } = await service.query("select current_user as role");
  expect(rows).toEqual([{ role: "sluice_service" }]);
  const featureId = FeatureId.parse("feat_a");
  expect(await changes.createFeature(newFeature({ featureId, enabled: true }), by)).toMatchObject({
    ok: true,
  });
  expect(await changes.rollbackFeature({ featureId }, by)).toMatchObject({ ok: true });
  expect(await changes.deleteFeature({ featureId }, by)).toMatchObject({ ok: true });
});

const NO_SCHEMA = "permission denied for schema public";

/** By what they would do: the statement, and what PostgreSQL says. */
const REFUSED: Readonly<Record<string, readonly (readonly [statement: string, refusal: string])[]>> = {
  "rewrite what happened": [
    ["update rollback_audit set reason = 'nothing happened'", "permission denied for table rollback_audit"],
    ["delete from rollback_audit", "permission denied for table rollback_audit"],
    ["truncate rollback_audit", "permission denied for table rollback_audit"],
    ["insert into rollback_audit select * from rollback_audit", "permission denied for table rollback_audit"],
    ["alter table rollback_audit disable trigger all", "must be owner of table rollback_audit"],
    ["drop table rollback_audit", "must be owner of table rollback_audit"],
    ["update pmf_evaluations set state = 'KEEP'", "permission denied for table pmf_evaluations"],
    ["delete from edge_witnesses", "permission denied for table edge_witnesses"],
    ["update feature_flags set enabled = true", "permission denied for table feature_flags"],
    ["update state_head set audit_hash = ''", "permission denied for table state_head"],
    ["delete from pmf_rules", "permission denied for table pmf_rules"],
  ],
  "make something": [
    ["create table own (a int)", NO_SCHEMA],
    ["create table own partition of span_log default", NO_SCHEMA],
    ["create table own () inherits (unit_evidence)", NO_SCHEMA],
    ["create view own as select 1", NO_SCHEMA],
    ["create sequence own", NO_SCHEMA],
    ["create type own as (a int)", NO_SCHEMA],
    ["create function own() returns int language sql as 'select 1'", NO_SCHEMA],
    [
      "create function convert_to(a text, b text) returns bytea language sql as 'select null::bytea'",
      NO_SCHEMA,
    ],
    ["create operator public.|| (function = textcat, leftarg = text, rightarg = varchar)", NO_SCHEMA],
    ["create schema own", "permission denied for database"],
    ["create extension lo", "permission denied to create extension"],
    [
      "create event trigger own on ddl_command_end execute function announce_states()",
      "permission denied to create event trigger",
    ],
    [
      "create function pg_catalog.own() returns int language sql as 'select 1'",
      "permission denied for schema pg_catalog",
    ],
    ["create index on span_log (seq)", "must be owner of table span_log"],
  ],
  "put code where somebody else runs it": [
    [
      "create trigger own before insert on span_log for each row execute function suppress_redundant_updates_trigger()",
      "permission denied for table span_log",
    ],
    [
      "create trigger own before insert on unit_evidence for each row execute function suppress_redundant_updates_trigger()",
      "permission denied for table unit_evidence",
    ],
    ["create policy own on otel_spans using (true)", "must be owner of table otel_spans"],
    ["create rule own as on insert to span_log do instead nothing", "must be owner of table span_log"],
    [
      "create or replace function commit_change(change jsonb) returns jsonb language sql as 'select change'",
      NO_SCHEMA,
    ],
    ["alter function commit_change(jsonb) security invoker", "must be owner of function commit_change"],
    [
      "alter function make_time_partition(text, timestamptz) reset search_path",
      "must be owner of function make_time_partition",
    ],
    [`alter role ${login} superuser`, "permission denied to alter role"],
    ["alter role sluice_service createrole", "permission denied to alter role"],
    ["alter database template_sluice set search_path = own", "must be owner of database"],
  ],
  "take tables away": [
    ["alter table span_log add column own int", "must be owner of table span_log"],
    ["alter table unit_evidence rename to own", "must be owner of table unit_evidence"],
    ["alter table otel_spans owner to sluice_service", "must be owner of table otel_spans"],
    ["truncate span_log", "permission denied for table span_log"],
    ["truncate unit_evidence", "permission denied for table unit_evidence"],
    ["drop table otel_spans", "must be owner of table otel_spans"],
    ["drop function commit_change(jsonb)", "must be owner of function commit_change"],
    ["drop schema public cascade", "must be owner of schema public"],
  ],
  "be somebody else": [
    [`set role ${owner}`, "permission denied to set role"],
    [`set session authorization ${owner}`, "permission denied to set session authorization"],
    ["select rolpassword from pg_authid", "permission denied for table pg_authid"],
    ["select pg_read_file('/etc/passwd')", "permission denied for function pg_read_file"],
    ["copy (select 1) to program 'true'", "permission denied to COPY to or from an external program"],
    ["set session_replication_role = replica", "permission denied to set parameter"],
  ],
  "use the owner's functions for something else": [
    ["select make_time_partition('rollback_audit', '2026-01-01Z')", "no partition of rollback_audit begins"],
    ["select make_time_partition('span_log', '2026-01-01 00:00:01Z')", "no partition of span_log begins at"],
    ["select make_time_partition('span_log', '2999-01-01Z')", "no partition of span_log begins at"],
    ["select make_time_partition('span_log', null)", "no partition of span_log begins at"],
    [
      "select drop_time_partition('span_log', 'rollback_audit')",
      "rollback_audit is no partition of span_log",
    ],
    ["select drop_time_partition('rollback_audit', 'rollback_audit')", "is no partition of rollback_audit"],
    [
      `select drop_time_partition('span_log', to_char(now() at time zone 'UTC', '"span_log_"YYYYMMDD_HH24'))`,
      "is no partition of span_log that is over",
    ],
    ["select drop_time_partition('span_log', 'x; drop table rollback_audit')", "that is over"],
    ["select drop_time_partition(null, null)", "that is over"],
    ["select index_unit_run(4711)", "there is no run 4711 of units"],
    ["select refuse_older_writers(3)", "the span log has 4 partitions, not 3"],
    ["select refuse_older_writers(null)", "the span log has"],
    [
      "select give_partition('rollback_audit', 'sluice_service'::regrole)",
      "permission denied for function give_partition",
    ],
    ["select expand_service_role()", "permission denied for function expand_service_role"],
    ["select contract_service_role()", "permission denied for function contract_service_role"],
  ],
};

describe.each(Object.entries(REFUSED))("whoever has the service's connection cannot %s", (_, statements) => {
  test.each(statements)("%s: %s", async (statement, refusal) => {
    for (const role of ["sluice_service", login]) {
      await attacker.query(`set role ${role}`);
      await expect(attacker.query(statement), role).rejects.toThrow(refusal);
    }
  });
});

test("a table of the session that is named like one of ours is found by no function of the owner's", async () => {
  const client = await service.connect();
  await client.query("create temporary table unit_runs (run int, partition smallint)");
  await client.query("set search_path = pg_temp, public");
  const { rows } = await client.query<{ run: number }>("select public.make_unit_run(1::smallint) as run");
  await client.query("select public.index_unit_run($1)", [rows[0]?.run]);
  expect((await database.pool.query("select from unit_runs where run = $1", [rows[0]?.run])).rowCount).toBe(
    1,
  );
  await client.query("select public.drop_unit_run($1)", [rows[0]?.run]);
  expect((await database.pool.query("select from unit_runs")).rowCount).toBe(0);
  client.release(true);
});

test("nobody but the owner and the service may call a function", async () => {
  const { rows } = await database.pool.query(
    `select oid::regprocedure::text as name from pg_proc
     where pronamespace = 'public'::regnamespace and has_function_privilege('public', oid, 'execute')`,
  );
  expect(rows).toEqual([]);
});

test("an older origin has its rights until they are taken, and what the role has made with them is named first", async () => {
  await changeServiceRights(database.url, "expand");
  expect(await hasOlderRights(service)).toBe(true);
  // As such a version makes, detaches and drops partitions, beside those that this one makes.
  const [attached = ""] = await ensureLogPartitions(service, 2);
  await service.query(`comment on table ${attached} is 'Detached by Sluice, to be dropped'`);
  await service.query(`alter table span_log detach partition ${attached} concurrently`);
  await service.query("create table span_log_20000101_00 (like span_log including all)");
  await service.query(
    "alter table span_log attach partition span_log_20000101_00 for values from ('2000-01-01Z') to ('2000-01-01 01:00Z')",
  );
  await service.query("create function own() returns int language sql as 'select 1'");
  await service.query("create policy own on unit_evidence using (own() = 1)");
  await expect(changeServiceRights(database.url, "contract")).rejects.toThrow(
    "the role sluice_service has made what is not of Sluice: function public.own(), policy own on table public.unit_evidence. Look at it",
  );
  expect(await hasOlderRights(service)).toBe(true);
  await service.query("drop policy own on unit_evidence");
  await service.query("drop function own()");
  await changeServiceRights(database.url, "contract");
  expect(await hasOlderRights(service)).toBe(false);
  for (const name of ["span_log_20000101_00", attached])
    await service.query("select drop_time_partition('span_log', $1)", [name]);
  await expect(service.query("create table own (a int)")).rejects.toThrow(NO_SCHEMA);
});
