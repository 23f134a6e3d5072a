// The truth at the edge: one Durable Object that takes pushes in order, stores them, and answers the replicas' watches.
import { DurableObject } from "cloudflare:workers";
import type { Revision } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import {
  applyCloses,
  applyPush,
  deltaSince,
  disputedFeatures,
  emptySnapshot,
  FIRST_REVISION,
  heldFeatures,
  isForeign,
  isNewer,
  type Push,
  type Version,
  type VersionedSnapshot,
} from "../../shared/snapshot/versioned-snapshot.ts";
import type { Env } from "../bindings.ts";
import { makeWaitList } from "../waiting.ts";
import { createTables, loadSnapshot, saveSnapshot } from "./hub-storage.ts";
import { readKvCopy, writeKvCopy } from "./kv-copy.ts";
import { makePushParts } from "./push-parts.ts";
import type {
  Answered,
  Confirmation,
  Has,
  HubRpc,
  PushAnswer,
  PushRefusal,
  Watch,
  WatchAnswer,
} from "./rpc.ts";
import { streamAnswers } from "./watch-stream.ts";

/** How long a push waits for the regions to confirm. */
const CONFIRM_MS = 1_500;
/** A region that has not watched for this long is asleep: its first visitor asks before it is served. */
const ASLEEP_MS = 5_000;
/** All revisions of one second are copied to KV together, and not while they are on their way to the regions. */
const COPY_EVERY_MS = 1_000;
/** A history that has not pushed for this long, three heartbeats, gives way to another. */
const GIVES_WAY_AFTER_MS = 6_000;

type Region = Version & { readonly seenAtMs: number };

export class Hub extends DurableObject<Env> implements Omit<HubRpc, keyof Rpc.DurableObjectBranded> {
  private snapshot: VersionedSnapshot = emptySnapshot;
  private readonly watches = makeWaitList();
  private readonly confirmations = makeWaitList();
  /** The revision that the KV copy has; null: not known. */
  private copiedRevision: Revision | null = null;
  private copiedCloseAtMs = 0;
  private readonly regions = new Map<string, Region>();
  private readonly parts = makePushParts();
  private pushedAtMs = Date.now();

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

  async watch(watch: Watch): Promise<Answered> {
    const { watcher, have, closedAtMs, waitMs, beatMs } = watch;
    this.see(watch);
    if (beatMs !== undefined)
      return streamAnswers(watch, {
        answer: (told) => {
          this.see(watch);
          return this.answerTo(told);
        },
        news: (told) => this.news(told, beatMs),
        waitUntil: (promise) => this.ctx.waitUntil(promise),
      });
    if (waitMs > 0) await this.news(watch, waitMs);
    const answer = this.answerTo(watch);
    if (answer.change === null) await this.confirm(watcher, have, closedAtMs);
    return answer;
  }

  async confirm(region: string, revision: Revision | null, closedAtMs = 0): Promise<void> {
    this.regions.set(region, { revision, closedAtMs, seenAtMs: Date.now() });
    this.confirmations.wakeAll();
  }

  async push(received: Push, region: string): Promise<Result<PushAnswer, PushRefusal>> {
    const beganMs = Date.now();
    // Closes hold whatever becomes of the rest: a close is never too old, too early or too large.
    const closed = received.closes === undefined ? {} : ({ closed: true } as const);
    const { revision: ofRevision, closes = [] } = received;
    const of = { revision: ofRevision, nowMs: beganMs, isForeign: isForeign(this.snapshot, received) };
    this.take(applyCloses(this.snapshot, closes, of));
    const refuse = async (reason: PushRefusal["reason"]) => {
      if (closes.length > 0) await this.keepCopied(beganMs);
      const late = closes.length > 0 ? await this.lateRegions(this.snapshot, region, beganMs) : {};
      return err({ ...this.refusal(reason, received.asks === true), ...closed, ...late });
    };
    const message = this.parts.add(received);
    if (message === null) return refuse("incomplete");
    if (message.replaces !== undefined && beganMs < this.pushedAtMs + GIVES_WAY_AFTER_MS)
      return refuse("busy");
    const applied = applyPush(this.snapshot, message);
    if (!applied.ok) return refuse(applied.error.reason);
    this.pushedAtMs = beganMs;
    this.take(applied.value);
    await this.keepCopied(beganMs);
    const { revision } = message;
    const regions = await this.confirmationsOf(applied.value, region, beganMs);
    return ok({ revision, regions, ...closed, ...this.disputed() });
  }

  /** Copies the newest snapshot to KV, and again while there is a newer one or KV fails. */
  override async alarm(): Promise<void> {
    const { snapshot } = this;
    if (this.isCopied()) return;
    try {
      await writeKvCopy(this.env.FEATURES, snapshot, Date.now());
      this.copiedRevision = snapshot.revision;
      this.copiedCloseAtMs = snapshot.closedAtMs ?? 0;
    } finally {
      if (!this.isCopied()) await this.ctx.storage.setAlarm(Date.now() + COPY_EVERY_MS);
    }
  }

  /** What `region` and every region that was awake at `beganMs` say, once all have confirmed or had their time. */
  private async confirmationsOf(
    version: Version,
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
        if (!confirmedMs.has(name) && !isNewer(version, this.regions.get(name) ?? { revision: null }))
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

  /** Who lacks the closes of a message whose rest is not applied. Before anything was pushed nothing is open anywhere. */
  private async lateRegions(
    version: Version,
    region: string,
    beganMs: number,
  ): Promise<Pick<PushRefusal, "late">> {
    if (version.revision === null) return {};
    const asked = await this.confirmationsOf(version, region, beganMs);
    const late = asked
      .map(({ region: name }) => name)
      .filter((name) => isNewer(version, this.regions.get(name) ?? { revision: null }));
    return late.length === 0 ? {} : { late };
  }

  /** The region is awake. What it has, it says itself once its isolates have it. */
  private see({ watcher: region, have, closedAtMs = 0 }: Watch): void {
    const has = this.regions.get(region) ?? { revision: have, closedAtMs };
    this.regions.set(region, { ...has, seenAtMs: Date.now() });
  }

  private answerTo({ have, closedAtMs }: Has): WatchAnswer {
    const { revision, closedAtMs: newestCloseAtMs = 0 } = this.snapshot;
    const change = deltaSince(this.snapshot, have, closedAtMs);
    return { revision, closedAtMs: newestCloseAtMs, change, ageMs: 0 };
  }

  private async news({ have, closedAtMs }: Has, waitMs: number): Promise<void> {
    if (deltaSince(this.snapshot, have, closedAtMs) === null) await this.watches.wait(waitMs);
  }

  /** A push that brings nothing new is copied too: the hub may have died after it stored this revision. */
  private async keepCopied(nowMs: number): Promise<void> {
    if (!this.isCopied() && (await this.ctx.storage.getAlarm()) === null)
      await this.ctx.storage.setAlarm(nowMs + COPY_EVERY_MS);
  }

  private isCopied(): boolean {
    const { revision, closedAtMs = 0 } = this.snapshot;
    return revision === this.copiedRevision && closedAtMs === this.copiedCloseAtMs;
  }

  private refusal(reason: PushRefusal["reason"], asks: boolean): PushRefusal {
    const { snapshot } = this;
    const have = snapshot.revision ?? FIRST_REVISION;
    const holds = asks ? { holds: heldFeatures(snapshot) } : {};
    return { reason, have, ...snapshot.history, ...holds, ...this.disputed() };
  }

  private disputed(): Pick<PushAnswer, "disputed"> {
    const disputed = disputedFeatures(this.snapshot);
    return disputed.length === 0 ? {} : { disputed };
  }

  private take(next: VersionedSnapshot): void {
    if (next === this.snapshot) return;
    this.store(next);
    this.watches.wakeAll();
  }

  private store(next: VersionedSnapshot): void {
    // Closes may come before anything else. Nothing is open then, so memory is enough for them.
    if (next.revision !== null) saveSnapshot(this.ctx.storage.sql, this.snapshot, next);
    this.snapshot = next;
  }
}
