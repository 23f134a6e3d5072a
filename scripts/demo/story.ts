// The story of the demo: two features are opened, visitors come, the bad one is rolled back and the good one kept.
import { setTimeout as sleep } from "node:timers/promises";
import type { makeAdminClient } from "./admin-client.ts";
import { makeSignInLink } from "../local-stack/sign-in-link.ts";
import { shopBehaviour } from "./behaviour.ts";
import { bad, good } from "./features.ts";
import type { Loop } from "./loop.ts";
import { startProbe } from "./probe.ts";
import { runVisitors } from "./visitors.ts";

const ARRIVALS_PER_SECOND = 40;
const PATIENCE_MS = 70_000;
const PROGRESS_EVERY_MS = 5_000;

type Parts = {
  readonly loop: Loop;
  readonly admin: ReturnType<typeof makeAdminClient>;
  readonly say: (line: string) => void;
  /** Breaks the story off. */
  readonly signal: AbortSignal;
};

/** Says what is new of both features, and every few seconds how far they are. Returns the state of each. */
const makeProgress = ({ admin, say }: Pick<Parts, "admin" | "say">) => {
  const told = new Map<string, string>();
  let nextAtMs = 0;
  return async (): Promise<{ bad: string; good: string }> => {
    const isTime = performance.now() >= nextAtMs;
    if (isTime) nextAtMs = performance.now() + PROGRESS_EVERY_MS;
    const look = async (featureId: string): Promise<string> => {
      const { cohorts, latest } = await admin.signals(featureId);
      const state = latest?.state ?? "";
      const isNews = state !== (told.get(featureId) ?? "");
      told.set(featureId, state);
      if (isNews || (isTime && state !== "ROLLBACK")) {
        say(`${featureId}: ${cohorts.treatment.exposed} exposed, ${cohorts.holdout.exposed} held out`);
        if (latest !== null) say(`  ${latest.decision.reason}`);
      }
      return state;
    };
    return { bad: await look(bad.featureId), good: await look(good.featureId) };
  };
};

/** null when the edge did what the rollback says, else what it did not. */
const checkRollback = async (
  { admin, say }: Pick<Parts, "admin" | "say">,
  probe: Awaited<ReturnType<typeof startProbe>>,
): Promise<string | null> => {
  const entry = await admin.lastRollback(bad.featureId);
  if (entry === undefined) return "the rollback has no audit entry";
  const lostAt = await Promise.race([probe.lost, sleep(5_000)]);
  if (lostAt === undefined) return "the edge still gives the feature 5 s after its rollback";
  say(`closed by itself as revision ${entry.revision}. ${lostAt - entry.at.getTime()} ms after the commit`);
  say(`a visitor who had the feature had received the first page without it.`);
  return (await probe.hasFeature()) ? "the feature came back to a visitor who had lost it" : null;
};

const watch = async (parts: Parts, probe: Awaited<ReturnType<typeof startProbe>>): Promise<string | null> => {
  const lookAtBoth = makeProgress(parts);
  let isRolledBack = false;
  let isKept = false;
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    const states = await lookAtBoth();
    if (states.good === "ROLLBACK") return `${good.featureId} is good and was rolled back`;
    if (!isRolledBack && states.bad === "ROLLBACK") {
      isRolledBack = true;
      const failure = await checkRollback(parts, probe);
      if (failure !== null) return failure;
    }
    isKept = states.good === "KEEP" || states.good === "WATCH";
    if (isRolledBack && isKept) return null;
    await sleep(500, undefined, { signal: parts.signal });
  }
  return isRolledBack
    ? `${good.featureId} was not proven good in time`
    : `${bad.featureId} was not rolled back in time`;
};

/** The story does not wait for a browser, and goes on without one. */
const sayWhereToWatch = async (loop: Loop, say: Parts["say"]): Promise<void> => {
  try {
    const link = await makeSignInLink(loop, `/features/${bad.featureId}?guide=demo`);
    if (link !== null) say(`watch it happen (this link signs you in, once): ${link}`);
  } catch (error) {
    say(`no link to watch it in the console: ${error instanceof Error ? error.message : String(error)}`);
  }
};

/** null when both features ended as they should, else what did not happen. Rejects when it is broken off. */
export const tellStory = async (parts: Parts): Promise<string | null> => {
  const { loop, admin, say, signal } = parts;
  await admin.open(bad);
  await admin.open(good);
  say(`two features open to half of the visitors: ${bad.featureId} is slow and unconvincing,`);
  say(`${good.featureId} is good. Both must have 25 % act, 25 % return and a p95 of at most 1,000 ms.`);

  await sayWhereToWatch(loop, say);

  const end = new AbortController();
  const visitors = runVisitors({
    edgeUrl: loop.edgeUrl,
    arrivalsPerSecond: ARRIVALS_PER_SECOND,
    behaviour: shopBehaviour,
    signal: AbortSignal.any([end.signal, signal]),
    seed: Math.floor(Math.random() * 2 ** 31),
  });
  // Awaited at the end; until then its failure must not end the process.
  visitors.catch(() => {});
  say(`${ARRIVALS_PER_SECOND} visitors a second come through ${loop.edgeUrl}`);
  try {
    const probe = await startProbe(loop.edgeUrl, bad.featureId, signal);
    // A lost probe is looked at when the rollback is told; until then its failure must not end the process.
    probe.lost.catch(() => {});
    try {
      return await watch(parts, probe);
    } finally {
      probe.stop();
    }
  } finally {
    end.abort();
    const tally = await visitors;
    say(
      `${tally.visitors} visitors made ${tally.requests} requests: ${tally.checkouts} checkouts, ${tally.returns} returns, ${tally.errors} errors`,
    );
  }
};
