// The truth at the edge: one Durable Object that takes pushes in order, stores them, and answers the replicas' watches.
import { DurableObject } from "cloudflare:workers";
import type { Revision } from "../../shared/ids.ts";
import { ok, type Result } from "../../shared/result.ts";
import {
  applyPush,
  deltaSince,
  emptySnapshot,
  FIRST_REVISION,
  type ApplyPushError,
  type Push,
  type VersionedSnapshot,
} from "../../shared/snapshot/versioned-snapshot.ts";
import type { Env } from "../bindings.ts";
import { makeWaitList } from "../waiting.ts";
import { createTables, loadSnapshot, saveSnapshot } from "./hub-storage.ts";
import { readKvCopy, writeKvCopy } from "./kv-copy.ts";
import type { Confirmation, HubRpc, PushAnswer, Watch, WatchAnswer } from "./rpc.ts";

/** How long a push waits for the regions to confirm. */
const CONFIRM_MS = 1_500;
/** A region that has not watched for this long is asleep: its first visitor asks before it is served. */
const ASLEEP_MS = 5_000;
/** All revisions of one second are copied to KV together, and not while they are on their way to the regions. */
const COPY_EVERY_MS = 1_000;

type Region = { readonly revision: Revision | null; readonly seenAtMs: number };

export class Hub extends DurableObject<Env> implements Omit<HubRpc, keyof Rpc.DurableObjectBranded> {
  private snapshot: VersionedSnapshot = emptySnapshot;
  private readonly watches = makeWaitList();
  private readonly confirmations = makeWaitList();
  /** The revision that the KV copy has; null: not known. */
  private copiedRevision: Revision | null = null;
  private readonly regions = new Map<string, Region>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(async () => {
      createTables(ctx.storage.sql);
      this.snapshot = loadSnapshot(ctx.storage.sql);
      if (this.snapshot.revision !== null) return;
      const copy = await readKvCopy(env.FEATURES).catch(() => null);
      if (copy !== null) this.store(copy.snapshot);
    });
  }

  async watch({ watcher, have, waitMs }: Watch): Promise<WatchAnswer> {
    const known = this.regions.get(watcher);
    this.regions.set(watcher, { revision: known?.revision ?? have, seenAtMs: Date.now() });
    if (waitMs > 0 && deltaSince(this.snapshot, have) === null) await this.watches.wait(waitMs);
    const change = deltaSince(this.snapshot, have);
    if (change === null) await this.confirm(watcher, have);
    return { revision: this.snapshot.revision, change, ageMs: 0 };
  }

  async confirm(region: string, revision: Revision | null): Promise<void> {
    this.regions.set(region, { revision, seenAtMs: Date.now() });
    this.confirmations.wakeAll();
  }

  async push(message: Push, region: string): Promise<Result<PushAnswer, ApplyPushError>> {
    const beganMs = Date.now();
    const applied = applyPush(this.snapshot, message);
    if (!applied.ok) return applied;
    if (applied.value !== this.snapshot) {
      this.store(applied.value);
      this.watches.wakeAll();
    }
    const { revision } = message;
    // A push that brings nothing new is copied too: the hub may have died after it stored this revision.
    if (revision !== this.copiedRevision && (await this.ctx.storage.getAlarm()) === null)
      await this.ctx.storage.setAlarm(beganMs + COPY_EVERY_MS);
    return ok({ revision, regions: await this.confirmationsOf(revision, region, beganMs) });
  }

  /** Copies the newest snapshot to KV, and again while there is a newer one or KV fails. */
  override async alarm(): Promise<void> {
    const { revision } = this.snapshot;
    if (revision === this.copiedRevision) return;
    try {
      await writeKvCopy(this.env.FEATURES, this.snapshot, Date.now());
      this.copiedRevision = revision;
    } finally {
      if (this.copiedRevision !== this.snapshot.revision)
        await this.ctx.storage.setAlarm(Date.now() + COPY_EVERY_MS);
    }
  }

  /** What `region` and every region that was awake at `beganMs` say, once all have confirmed or had their time. */
  private async confirmationsOf(
    revision: Revision,
    region: string,
    beganMs: number,
  ): Promise<readonly Confirmation[]> {
    const awake = [...this.regions]
      .filter(([, { seenAtMs }]) => seenAtMs > beganMs - ASLEEP_MS)
      .map(([name]) => name);
    const asked = [...new Set([region, ...awake])];
    const confirmedMs = new Map<string, number>();
    for (;;) {
      const elapsedMs = Date.now() - beganMs;
      for (const name of asked)
        if (!confirmedMs.has(name) && (this.regions.get(name)?.revision ?? -1) >= revision)
          confirmedMs.set(name, elapsedMs);
      if (confirmedMs.size === asked.length || elapsedMs >= CONFIRM_MS) break;
      await this.confirmations.wait(CONFIRM_MS - elapsedMs);
    }
    return asked.map((name) => ({
      region: name,
      revision: this.regions.get(name)?.revision ?? FIRST_REVISION,
      ms: confirmedMs.get(name) ?? CONFIRM_MS,
    }));
  }

  private store(next: VersionedSnapshot): void {
    saveSnapshot(this.ctx.storage.sql, this.snapshot, next);
    this.snapshot = next;
  }
}
