// A region's copy of the hub's snapshot. It watches the hub for as long as isolates watch it, and answers them when the
// hub answers, so that an isolate's snapshot is as fresh as the hub's last answer.
import { DurableObject } from "cloudflare:workers";
import {
  applyDelta,
  deltaSince,
  emptySnapshot,
  isNewer,
  type Version,
  type VersionedSnapshot,
} from "../../shared/snapshot/versioned-snapshot.ts";
import type { Env } from "../bindings.ts";
import { parseConfig } from "../config.ts";
import { makeWaitList, sleep, within } from "../waiting.ts";
import type { HubRpc, ReplicaRpc, Watch, WatchAnswer } from "./rpc.ts";

/** How long the hub is watched after the last isolate's watch. */
const LINGER_MS = 4_000;
/** How long the region's confirmation waits for its isolates to confirm. */
const ISOLATES_MS = 250;
/** Slack over `waitMs` before a call to the hub counts as hung. */
const HUNG_AFTER_MS = 1_000;
const RETRY_MS = 250;

type Isolate = { readonly has: Version; readonly seenAtMs: number };

export class Replica extends DurableObject<Env> implements Omit<ReplicaRpc, keyof Rpc.DurableObjectBranded> {
  private readonly watchMs: number;
  private snapshot: VersionedSnapshot = emptySnapshot;
  private confirmedAtMs: number | null = null;
  private watchUntilMs = 0;
  private isWatching = false;
  private asking: Promise<void> | null = null;
  private readonly hubAnswers = makeWaitList();
  private readonly acknowledgements = makeWaitList();
  /** What each isolate had at its last watch. */
  private readonly isolates = new Map<string, Isolate>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const config = parseConfig(env);
    this.watchMs = config.ok ? config.value.WATCH_MS : 1_000;
  }

  async watch({ watcher, have, closedAtMs, waitMs, maxAgeMs }: Watch, region: string): Promise<WatchAnswer> {
    const nowMs = Date.now();
    this.watchUntilMs = nowMs + LINGER_MS;
    // An isolate that only asks does not hear of the next revision, so nobody waits until it has that.
    if (waitMs > 0 || this.isolates.has(watcher))
      this.isolates.set(watcher, { has: { revision: have, closedAtMs: closedAtMs ?? 0 }, seenAtMs: nowMs });
    this.acknowledgements.wakeAll();
    if (this.confirmedAtMs === null || nowMs - this.confirmedAtMs > maxAgeMs)
      await this.ask(region).catch(() => undefined); // the answer's age tells the isolate that the hub did not answer
    else if (waitMs > 0 && deltaSince(this.snapshot, have, closedAtMs) === null)
      await this.hubAnswers.wait(waitMs + HUNG_AFTER_MS / 2);
    if (!this.isWatching) this.ctx.waitUntil(this.watchHub(region));
    return {
      revision: this.snapshot.revision,
      closedAtMs: this.snapshot.closedAtMs ?? 0,
      change: deltaSince(this.snapshot, have, closedAtMs),
      ageMs: this.confirmedAtMs === null ? null : Date.now() - this.confirmedAtMs,
    };
  }

  /** Asks the hub now. Calls that need an answer at the same time share it. */
  private async ask(region: string): Promise<void> {
    this.asking ??= this.callHub(region, 0).finally(() => {
      this.asking = null;
    });
    await this.asking;
  }

  private async watchHub(region: string): Promise<void> {
    this.isWatching = true;
    try {
      while (Date.now() < this.watchUntilMs)
        // While the hub fails or hangs, isolates read in the answer's age that the snapshot is not confirmed.
        await this.callHub(region, this.watchMs).catch(() => sleep(RETRY_MS));
    } finally {
      this.isWatching = false;
    }
  }

  private async callHub(region: string, waitMs: number): Promise<void> {
    const { revision: have, closedAtMs = 0 } = this.snapshot;
    const call = this.hub().watch({ watcher: region, have, closedAtMs, waitMs, maxAgeMs: 0 });
    const { change } = await within(waitMs + HUNG_AFTER_MS, call, "hub watch");
    const nowMs = Date.now();
    this.confirmedAtMs = nowMs;
    if (change !== null && isNewer(change, this.snapshot)) {
      this.snapshot = applyDelta(this.snapshot, change);
      for (const [id, { seenAtMs }] of this.isolates)
        if (seenAtMs < nowMs - LINGER_MS) this.isolates.delete(id);
      this.ctx.waitUntil(this.confirm(region, [...this.isolates.keys()]));
    }
    this.hubAnswers.wakeAll();
  }

  /** Tells the hub that this region has the newest revision, once the isolates that watch have named it too. */
  private async confirm(region: string, isolates: readonly string[]): Promise<void> {
    const { snapshot } = this;
    const untilMs = Date.now() + ISOLATES_MS;
    const isBehind = (id: string): boolean =>
      isNewer(snapshot, this.isolates.get(id)?.has ?? { revision: null });
    while (isolates.some(isBehind) && Date.now() < untilMs)
      await this.acknowledgements.wait(untilMs - Date.now());
    const confirmed = this.hub().confirm(region, snapshot.revision, snapshot.closedAtMs);
    await within(HUNG_AFTER_MS, confirmed, "hub confirm").catch(() => undefined);
  }

  private hub(): DurableObjectStub<HubRpc> {
    return this.env.HUB.get(this.env.HUB.idFromName("hub"));
  }
}
