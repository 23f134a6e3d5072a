// The truth at the edge: one Durable Object that takes pushes in order, keeps them, and answers the replicas' watches.
import { DurableObject } from "cloudflare:workers";
import type { Revision } from "../../shared/ids.ts";
import {
  applyPush,
  deltaSince,
  emptySnapshot,
  FIRST_REVISION,
  type VersionedSnapshot,
  type Push,
  type ApplyPushError,
} from "../../shared/snapshot/versioned-snapshot.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { Env } from "../config.ts";
import { keep, readKept } from "./kv-copy.ts";
import { createTables, readLedger, writeLedger } from "./hub-storage.ts";
import { makeGathering, type Watch, type WatchAnswer } from "./watch.ts";

/** One region's confirmation of a push: the revision that it has, `ms` after the hub took the push. */
export type Receipt = { readonly region: string; readonly revision: Revision; readonly ms: number };
type Receipts = { readonly revision: Revision; readonly regions: readonly Receipt[] };

/** How long a push waits for the regions to confirm. */
const RECEIPT_MS = 1_500;
/** A region that has not watched for this long is asleep: its first visitor will ask first. */
const ASLEEP_MS = 5_000;
/** Revisions of one second are kept together, and not while they are on their way to the regions. */
const KEEP_EVERY_MS = 1_000;

export class Hub extends DurableObject<Env> {
  private ledger: VersionedSnapshot = emptySnapshot;
  private readonly watchers = makeGathering();
  private readonly confirmations = makeGathering();
  private keptRevision: Revision | null = null;
  private readonly regions = new Map<string, { revision: Revision | null; seenAt: number }>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(async () => {
      createTables(ctx.storage.sql);
      this.ledger = readLedger(ctx.storage.sql);
      if (this.ledger.revision !== null) return;
      const kept = await readKept(env.FEATURES).catch(() => null);
      if (kept !== null) this.store(kept.ledger);
    });
  }

  /** Answers at once when there is something newer than `have`, else after `waitMs`. */
  async watch({ watcher, have, waitMs }: Watch): Promise<WatchAnswer> {
    const seen = this.regions.get(watcher);
    this.regions.set(watcher, { revision: seen?.revision ?? have, seenAt: Date.now() });
    if (waitMs > 0 && deltaSince(this.ledger, have) === null) await this.watchers.wait(waitMs);
    const change = deltaSince(this.ledger, have);
    if (change === null) await this.confirm(watcher, have);
    return { revision: this.ledger.revision, change, ageMs: 0 };
  }

  /** A region says that it and the isolates that watch it have `revision`. */
  async confirm(region: string, revision: Revision | null): Promise<void> {
    this.regions.set(region, { revision, seenAt: Date.now() });
    this.confirmations.wake();
  }

  /** Takes a push and waits until every region that is awake, and `region`, has confirmed it or had its time. */
  async push(message: Push, region: string): Promise<Result<Receipts, ApplyPushError>> {
    const began = Date.now();
    const applied = applyPush(this.ledger, message);
    if (!applied.ok) return applied;
    if (applied.value !== this.ledger) {
      this.store(applied.value);
      this.watchers.wake();
    }
    const { revision } = message;
    // Also for a push that brings nothing new: the hub may have died after it stored this revision, before it kept it.
    if (revision !== this.keptRevision && (await this.ctx.storage.getAlarm()) === null)
      await this.ctx.storage.setAlarm(began + KEEP_EVERY_MS);
    const awake = [...this.regions]
      .filter(([, { seenAt }]) => seenAt > began - ASLEEP_MS)
      .map(([name]) => name);
    const confirmedMs = new Map<string, number>();
    for (;;) {
      const elapsedMs = Date.now() - began;
      for (const name of new Set([region, ...awake]))
        if (!confirmedMs.has(name) && (this.regions.get(name)?.revision ?? -1) >= revision)
          confirmedMs.set(name, elapsedMs);
      const missing = [region, ...awake].some((name) => !confirmedMs.has(name));
      if (!missing || elapsedMs >= RECEIPT_MS)
        return ok({ revision, regions: this.receipts(awake, region, confirmedMs) });
      await this.confirmations.wait(RECEIPT_MS - elapsedMs);
    }
  }

  /** Keeps the newest state in KV, and comes again while there is a newer one or KV fails. */
  override async alarm(): Promise<void> {
    const { revision } = this.ledger;
    if (revision === this.keptRevision) return;
    try {
      await keep(this.env.FEATURES, this.ledger, Date.now());
      this.keptRevision = revision;
    } finally {
      if (this.keptRevision !== this.ledger.revision)
        await this.ctx.storage.setAlarm(Date.now() + KEEP_EVERY_MS);
    }
  }

  private receipts(
    awake: readonly string[],
    region: string,
    confirmedMs: ReadonlyMap<string, number>,
  ): Receipt[] {
    return [...new Set([region, ...awake])].map((name) => ({
      region: name,
      revision: this.regions.get(name)?.revision ?? FIRST_REVISION,
      ms: confirmedMs.get(name) ?? RECEIPT_MS,
    }));
  }

  private store(ledger: VersionedSnapshot): void {
    writeLedger(this.ctx.storage.sql, this.ledger, ledger);
    this.ledger = ledger;
  }
}
