// `npm run cluster`: a whole installation on this machine, whose parts can be killed and promoted by hand.
// `npm run cluster -- --once` plays the failovers one after the other and prints what they took.
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { errorText } from "../../origin/runtime/error-text.ts";
import { provide } from "../../scripts/system-programs.ts";
import { endWithRun } from "../support/end-with-run.ts";
import { ADMIN_TOKEN } from "../support/origin.ts";
import { COMMANDS, runCommand } from "./commands.ts";
import { loseARedisMaster, loseThePrimary, promoteTheLaggingStandby, rollBackInCalm } from "./story.ts";
import { startWorld, type World } from "./world.ts";

const { values } = parseArgs({ options: { once: { type: "boolean", default: false } } });
endWithRun();
provide(["redis-server", "redis-cli", "haproxy"], "npm run cluster");
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const playOnce = async (world: World): Promise<void> => {
  const calm = await rollBackInCalm(world);
  say(
    `in calm: a rollback is acknowledged after ${calm.acknowledgedMs} ms and at both edges after ${calm.edgesMs} ms`,
  );

  const sync = await loseThePrimary(world);
  const { load } = sync;
  say(
    `the primary was killed and the synchronous standby promoted after ${sync.promotedMs} ms: a rollback that was asked for ` +
      `meanwhile was at both edges after ${sync.rollbackMs} ms, one afterwards after ${sync.afterwardsMs} ms; ` +
      `${load.acknowledgedSpans} spans acknowledged (${load.repeated} requests sent again), ${sync.countedUnits} units counted; ` +
      `${load.visits} visits, ${load.failedVisits} failed; audit ${sync.audit.ok ? "verified" : `not verified (${sync.audit.fault})`}; ` +
      `copied anew: ${sync.copiedAnew.join(", ") || "none"}`,
  );

  const redis = await loseARedisMaster(world);
  say(
    `a Redis master was killed and its replica took over after ${redis.takenOverMs} ms: three rollbacks meanwhile were at both ` +
      `edges after ${redis.rollbacksMs.join(", ")} ms`,
  );

  const late = await promoteTheLaggingStandby(world);
  say(
    `the asynchronous standby was promoted without the last changes: a rollback afterwards was at both edges after ` +
      `${late.rollbackMs} ms; the close that was lost is ${late.closedAgain ? "closed again" : "OPEN"} and was seen open ` +
      `${late.reopened.length} times; copied anew: ${late.copiedAnew.join(", ") || "none"}; audit: ${late.audit.fault ?? "verified"}`,
  );
  for (const alert of late.alerts) say(`  ${alert}`);
};

const world = await startWorld(say).catch((error: unknown) => {
  say(`the cluster did not start: ${errorText(error)}`);
  process.exit(1);
});
let stopping: Promise<never> | undefined;
const stop = (code: number): Promise<never> =>
  (stopping ??= (async () => {
    say("stopping …");
    await world.stop();
    process.exit(code);
  })());
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // workerd's starter would end this process at once, and leave the rest.
  process.removeAllListeners(signal);
  process.on(signal, () => void stop(0));
}

if (values.once) {
  try {
    await playOnce(world);
    await stop(0);
  } catch (error) {
    say(errorText(error));
    await stop(1);
  }
}

say(`
primary        ${world.postgres.url}
read replicas  ${world.postgres.readsUrl}
Redis          ${world.redis.urls.join(",")}
origins        ${world.origins.map(({ url }) => url).join("  ")}
edges          ${world.edges.map(({ url }) => url).join("  ")}

  SLUICE_URL=${world.originAt(1).url} SLUICE_TOKEN=${ADMIN_TOKEN} npx sluice status

${COMMANDS}`);

const prompt = (): void => void (process.stdin.isTTY && process.stdout.write("cluster> "));
try {
  prompt();
  for await (const line of createInterface({ input: process.stdin })) {
    if (/^\s*(quit|exit)\s*$/.test(line)) break;
    say(await runCommand(world, line));
    prompt();
  }
  await stop(0);
} catch (error) {
  say(errorText(error));
  await stop(1);
}
