// What can be typed at `npm run cluster`.
import { errorText } from "../../origin/runtime/error-text.ts";
import { askOnce, FOLLOWERS, STANDBYS } from "./postgres.ts";
import { openFeature, timeRollback } from "./rollback.ts";
import type { World } from "./world.ts";

export const COMMANDS = `status                 who runs, who leads, how far each follower is
open FEATURE           make a feature and open it for everybody
rollback FEATURE       close it, and measure how long the edges take
kill primary           as a machine that loses its power
promote sync|async     the standby becomes the primary, HAProxy leads to it, and the others follow it
cut sync|async         the standby misses what the primary writes from now on
kill redis N           the Nth master of Redis; its replica takes over
kill origin N          and start origin N
quit                   or Ctrl-C`;

const positionsOf = async (world: World): Promise<string[]> => {
  const sql = `select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end::text as lsn,
    coalesce((select status from pg_stat_wal_receiver), '') as follows`;
  return Promise.all(
    world.postgres.names().map(async (name) => {
      const [row] = await askOnce<{ lsn: string; follows: string }>(world.postgres.urlOf(name), sql);
      const role = name === world.postgres.leader() ? "leads" : row?.follows || "follows nobody";
      return `${name.padEnd(12)} ${row?.lsn ?? "?"}  ${role}`;
    }),
  );
};

const statusOf = async (world: World): Promise<string> => {
  const origins = await Promise.all(
    world.origins.map(async (origin, i) => {
      const answer = await fetch(`${origin.url}/readyz`).catch(() => undefined);
      return `origin ${i + 1}     ${answer?.status === 200 ? "ready" : origin.isRunning() ? "not ready" : "gone"}`;
    }),
  );
  const masters = (await world.redis.masters()).map(({ port }) => port);
  return [...(await positionsOf(world)), `Redis        masters at ${masters.join(", ")}`, ...origins].join(
    "\n",
  );
};

const numberOf = (text: string | undefined): number => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new Error("say which one: 1, 2 or 3");
  return number;
};

const standbyOf = (text: string | undefined) => {
  const standby = STANDBYS.find((name) => name === text);
  if (standby === undefined) throw new Error(`say which one: ${STANDBYS.join(" or ")}`);
  return standby;
};

const promote = async (world: World, name: string | undefined): Promise<string> => {
  const standby = standbyOf(name);
  if (world.postgres.isRunning(world.postgres.leader()))
    throw new Error("the primary still runs. Two primaries are a mistake: kill primary first");
  const { followAgain } = await world.postgres.promote(standby);
  const copied = await followAgain();
  const others = FOLLOWERS.filter((one) => one !== standby);
  return `${standby} leads; ${others.join(", ")} follow it${copied.length === 0 ? "" : `; copied anew, since they had more: ${copied.join(", ")}`}`;
};

const carryOut = async (
  world: World,
  [verb, what, which]: readonly (string | undefined)[],
): Promise<string> => {
  switch (`${verb} ${verb === "kill" || verb === "start" ? what : ""}`.trim()) {
    case "status":
      return statusOf(world);
    case "open":
      await openFeature(world, what ?? "");
      return `${what} is open at both edges`;
    case "rollback": {
      const { acknowledgedMs, edgesMs } = await timeRollback(world, what ?? "");
      return `acknowledged after ${Math.round(acknowledgedMs)} ms, at both edges after ${Math.round(edgesMs)} ms`;
    }
    case "kill primary":
      await world.postgres.killPrimary();
      return "the primary is gone: promote sync, or promote async";
    case "promote":
      return promote(world, what);
    case "cut":
      await world.postgres.cut(standbyOf(what));
      return `${what} misses what comes from now on`;
    case "kill redis":
      return `the master at port ${(await world.killRedisMaster(numberOf(which))).port} is gone`;
    case "kill origin":
      await world.originAt(numberOf(which)).end("SIGKILL");
      return `origin ${which} is gone`;
    case "start origin":
      await world.restartOrigin(numberOf(which));
      return `origin ${which} runs at ${world.originAt(numberOf(which)).url}`;
    default:
      return COMMANDS;
  }
};

/** What there is to say of it; a mistake is said, too. */
export const runCommand = (world: World, line: string): Promise<string> =>
  carryOut(world, line.trim().split(/\s+/)).catch((error: unknown) => errorText(error));
