// The origin: starts the stages of its roles (origin/roles wires them to one another), and serves until told to stop.
import { openAccess } from "./roles/access.ts";
import { startChanges } from "./roles/changes.ts";
import { openDatabases } from "./roles/databases.ts";
import { startEvaluate } from "./roles/evaluate.ts";
import { makeHealth } from "./roles/health.ts";
import { makeHttp } from "./roles/http.ts";
import { startProcess } from "./roles/process.ts";
import { startPush } from "./roles/push.ts";
import { startSecrets } from "./roles/secrets.ts";
import { startTelemetry } from "./roles/telemetry.ts";
import { keepMemorySmall } from "./runtime/give-memory-back.ts";
import { listenError, toListenError, type ListenError } from "./runtime/listen-error.ts";
import type { Part, Stoppable } from "./runtime/shutdown.ts";

/** More than the server gives requests that are under way. */
const GRACE_MS = 6_000;

const origin = startProcess();
const { config, log, shutdown, instance, version } = origin;
const address = { host: config.ORIGIN_HOST, port: config.ORIGIN_PORT };
const listener = { variable: "ORIGIN_PORT", ...address };
/** A program that has the port may give it up, so starting again helps; 2 would keep service managers from it. */
const refuseAddress = ({ text, isTaken }: ListenError, parts: readonly Stoppable[]): Promise<never> =>
  shutdown.giveUp(parts, text, isTaken ? 1 : 2);
// Before it joins the other processes: one that cannot be asked should take over no partition and push nothing.
const refused = config.MIGRATE === "only" ? undefined : await listenError(listener);
if (refused !== undefined) await refuseAddress(refused, []);
const databases = await openDatabases(origin);
const changes = await startChanges(origin, databases);
const access = openAccess(origin, databases);
const secrets = startSecrets(origin, databases);
const push = startPush(origin, databases, secrets.secrets);
const telemetry = await startTelemetry({ origin, databases, access: access.access });
const evaluate = await startEvaluate({ origin, databases, telemetry, changes, push });
const health = makeHealth({ origin, databases, telemetry, evaluate, push, secrets });
const { server, streams, admin } = await makeHttp({
  origin,
  databases,
  access,
  changes,
  push,
  telemetry,
  evaluate,
  secrets: secrets.secrets,
  health,
});

// Ended in this order: first what brings work, then what carries it out. Requests under way find all stages running.
const part = (name: string, ended: Stoppable | undefined): Part[] =>
  ended === undefined ? [] : [{ name, stop: () => ended.stop() }];
const parts: readonly Part[] = [
  // These two know how long they may take.
  { name: "drain", stop: () => server.drain(config.DRAIN_MS), withinMs: config.DRAIN_MS + GRACE_MS },
  ...part("event streams", streams),
  { name: "http", stop: () => server.stop(), withinMs: 2 * GRACE_MS },
  ...part("admin", admin),
  ...part("ingest", telemetry.ingest),
  ...part("fold", telemetry.fold),
  ...part("raw spans", telemetry.rawSpans),
  ...part("left streams", telemetry.leftStreams),
  ...part("lag", telemetry.lag),
  ...part("series upkeep", changes.seriesUpkeep),
  ...part("secrets upkeep", secrets.upkeep),
  ...part("table upkeep", telemetry.upkeep),
  ...part("span log", telemetry.spanLog),
  ...part("evaluation", evaluate.evaluation),
  ...part("notifications", push.notifications),
  ...part("timetable", evaluate.timetable),
  ...part("weekly review", evaluate.weeklyReview),
  ...part("unfinished changes", changes.finishing),
  ...part("delivery", push.delivery),
  ...part("tracing", changes.tracing),
  ...part("aggregate databases", databases.aggregates),
  // An embedded PostgreSQL must not be left behind.
  { name: "database", stop: () => databases.main.stop(), withinMs: 2 * GRACE_MS },
];
keepMemorySmall();
await server.listen(address).catch((error: unknown) => refuseAddress(toListenError(listener, error), parts));
// Whoever started this process asks /readyz, where another program may answer.
process.send?.({ instance });
log.info({ version, port: config.ORIGIN_PORT, roles: config.ROLES }, "the origin is ready");
shutdown.ready(parts);
