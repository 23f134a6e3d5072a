// A region's copy of the hub's state. It watches the hub for as long as isolates watch it, and answers them in the
// same beat, so that what an isolate hears is as fresh as what the hub said.
import { DurableObject } from "cloudflare:workers";
import type { Revision } from "../../shared/ids.ts";
import {
  applyDelta,
  deltaSince,
  emptySnapshot,
  type VersionedSnapshot,
} from "../../shared/snapshot/versioned-snapshot.ts";
import { parseConfig, type Env } from "../config.ts";
import type { Hub } from "./hub.ts";
import { makeGathering, sleep, within, type Watch, type WatchAnswer } from "./watch.ts";

/** How long the hub is watched after the last isolate was heard. */
const LINGER_MS = 4_000;
/** How long the region's confirmation waits for its isolates to confirm. */
const ISOLATES_MS = 250;
/** Slack over `waitMs` before a call to the hub counts as hung. */
const HUNG_AFTER_MS = 1_000;
const RETRY_MS = 250;

export class Replica extends DurableObject<Env> {
  private readonly watchMs: number;
  private ledger: VersionedSnapshot = emptySnapshot;
  private confirmedAt: number | null = null;
  private watchUntil = 0;
  private watching = false;
  private asking: Promise<void> | null = null;
  private readonly beat = makeGathering();
  private readonly acknowledged = makeGathering();
  /** What each waiting isolate had when it began to wait. */
  private readonly isolates = new Map<string, { have: Revision | null; seenAt: number }>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const config = parseConfig(env);
    this.watchMs = config.ok ? config.value.WATCH_MS : 1_000;
  }

  /** Like the hub's, but held back until the hub's own next answer, or a little longer when the hub hangs. */
  async watch({ watcher, have, waitMs, maxAgeMs }: Watch, region: string): Promise<WatchAnswer> {
    const now = Date.now();
    this.watchUntil = now + LINGER_MS;
    // One that only asks will not be told of the next revision, so nobody waits until it has it.
    if (waitMs > 0 || this.isolates.has(watcher)) this.isolates.set(watcher, { have, seenAt: now });
    this.acknowledged.wake();
    if (this.confirmedAt === null || now - this.confirmedAt > maxAgeMs)
      await this.ask(region).catch(() => undefined); // answered with the age that the state has
    else if (waitMs > 0 && deltaSince(this.ledger, have) === null)
      await this.beat.wait(waitMs + HUNG_AFTER_MS / 2);
    if (!this.watching) this.ctx.waitUntil(this.watchHub(region));
    return {
      revision: this.ledger.revision,
      change: deltaSince(this.ledger, have),
      ageMs: this.confirmedAt === null ? null : Date.now() - this.confirmedAt,
    };
  }

  /** Asks the hub for an answer now; all who need one at the same time share the question. */
  private async ask(region: string): Promise<void> {
    this.asking ??= this.hear(region, 0).finally(() => {
      this.asking = null;
    });
    await this.asking;
  }

  private async watchHub(region: string): Promise<void> {
    this.watching = true;
    try {
      while (Date.now() < this.watchUntil)
        // Hub broken or hung: isolates are answered with the age that the state has, and judge by it.
        await this.hear(region, this.watchMs).catch(() => sleep(RETRY_MS));
    } finally {
      this.watching = false;
    }
  }

  private async hear(region: string, waitMs: number): Promise<void> {
    const have = this.ledger.revision;
    const call = this.hub().watch({ watcher: region, have, waitMs, maxAgeMs: 0 });
    const { change } = await within(waitMs + HUNG_AFTER_MS, call, "hub watch");
    const now = Date.now();
    this.confirmedAt = now;
    if (change !== null && change.revision > (this.ledger.revision ?? -1)) {
      this.ledger = applyDelta(this.ledger, change);
      for (const [id, { seenAt }] of this.isolates) if (seenAt < now - LINGER_MS) this.isolates.delete(id);
      this.ctx.waitUntil(this.confirm(region, [...this.isolates.keys()]));
    }
    this.beat.wake();
  }

  /** Tells the hub that this region has the newest state, once the isolates that watched have named it too. */
  private async confirm(region: string, isolates: readonly string[]): Promise<void> {
    const { revision } = this.ledger;
    const until = Date.now() + ISOLATES_MS;
    const behind = (id: string): boolean => (this.isolates.get(id)?.have ?? -1) < (revision ?? 0);
    while (isolates.some(behind) && Date.now() < until) await this.acknowledged.wait(until - Date.now());
    await within(HUNG_AFTER_MS, this.hub().confirm(region, revision), "hub confirm").catch(() => undefined);
  }

  private hub(): DurableObjectStub<Hub> {
    return this.env.HUB.get(this.env.HUB.idFromName("hub"));
  }
}
