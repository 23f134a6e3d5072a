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
import type { Answered, Has, HubRpc, ReplicaRpc, Watch, WatchAnswer } from "./rpc.ts";
import { answersOf, HAND_ON_MS, streamAnswers } from "./watch-stream.ts";

/** How long the hub is watched, over a beat, after the last answer to an isolate. */
const LINGER_MS = 3_000;
/** How long the region's confirmation waits for its isolates to confirm. */
const ISOLATES_MS = 250;
/** Slack over a beat before the hub counts as hung. */
const HUNG_AFTER_MS = 1_000;
const RETRY_MS = 250;

type Isolate = { readonly has: Version; readonly seenAtMs: number };

export class Replica extends DurableObject<Env> implements Omit<ReplicaRpc, keyof Rpc.DurableObjectBranded> {
  private readonly watchMs: number;
  private snapshot: VersionedSnapshot = emptySnapshot;
  private confirmedAtMs: number | null = null;
  /** What the hub was told that this region has. */
  private toldHub: Version = emptySnapshot;
  private watchUntilMs = 0;
  private isWatching = false;
  private asking: Promise<void> | null = null;
  private readonly hubAnswers = makeWaitList();
  private readonly acknowledgements = makeWaitList();
  /** What each isolate that watches has acknowledged. */
  private readonly isolates = new Map<string, Isolate>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const config = parseConfig(env);
    this.watchMs = config.ok ? config.value.WATCH_MS : 1_000;
  }

  async watch(watch: Watch, region: string): Promise<Answered> {
    const { watcher, have, closedAtMs = 0, waitMs, beatMs, maxAgeMs } = watch;
    // An isolate that only asks does not hear of the next revision, so nobody waits until it has that.
    if (waitMs > 0 || beatMs !== undefined || this.isolates.has(watcher))
      this.see(watcher, { revision: have, closedAtMs });
    this.acknowledgements.wakeAll();
    const isOld = this.confirmedAtMs === null || Date.now() - this.confirmedAtMs > maxAgeMs;
    if (isOld) await this.ask(region).catch(() => undefined); // the answer's age tells the isolate that the hub did not answer
    this.keepWatching(region);
    if (beatMs !== undefined) return this.stream(watch, beatMs, region);
    if (waitMs > 0 && !isOld) await this.news(watch, waitMs);
    return this.answerTo(watch);
  }

  private stream(watch: Watch, beatMs: number, region: string): ReadableStream<Uint8Array> {
    let toldAtMs = this.confirmedAtMs;
    return streamAnswers(watch, {
      answer: (told) => {
        this.see(watch.watcher);
        this.keepWatching(region);
        toldAtMs = this.confirmedAtMs;
        return this.answerTo(told);
      },
      // The hub may have answered while the last answer was written.
      news: async (told) => {
        if (toldAtMs === this.confirmedAtMs) await this.news(told, beatMs);
      },
      waitUntil: (promise) => this.ctx.waitUntil(promise),
    });
  }

  private see(watcher: string, has?: Version): void {
    const known = has ?? this.isolates.get(watcher)?.has ?? emptySnapshot;
    this.isolates.set(watcher, { has: known, seenAtMs: Date.now() });
  }

  private answerTo({ have, closedAtMs }: Has): WatchAnswer {
    return {
      revision: this.snapshot.revision,
      closedAtMs: this.snapshot.closedAtMs ?? 0,
      change: deltaSince(this.snapshot, have, closedAtMs),
      ageMs: this.confirmedAtMs === null ? null : Date.now() - this.confirmedAtMs,
    };
  }

  /** Held back until the hub's own next answer, or a little longer than a beat when the hub hangs. */
  private async news({ have, closedAtMs }: Has, beatMs: number): Promise<void> {
    if (deltaSince(this.snapshot, have, closedAtMs) === null)
      await this.hubAnswers.wait(beatMs + HUNG_AFTER_MS / 2);
  }

  /** Asks the hub now. Calls that need an answer at the same time share it. */
  private async ask(region: string): Promise<void> {
    this.asking ??= this.callHub(region, { waitMs: 0 }).finally(() => {
      this.asking = null;
    });
    await this.asking;
  }

  private keepWatching(region: string): void {
    this.watchUntilMs = Date.now() + this.watchMs + LINGER_MS;
    if (!this.isWatching) this.ctx.waitUntil(this.watchHub(region));
  }

  private async watchHub(region: string): Promise<void> {
    this.isWatching = true;
    const once = { waitMs: this.watchMs };
    const streamed = { ...once, beatMs: this.watchMs };
    try {
      // While the hub fails or hangs, isolates read in the answer's age that the snapshot is not confirmed.
      for (let how: typeof once = streamed; Date.now() < this.watchUntilMs;)
        try {
          await this.callHub(region, how);
          how = streamed;
        } catch {
          await sleep(RETRY_MS);
          // Where streams break, every other call still brings an answer.
          how = how === once ? streamed : once;
        }
    } finally {
      this.isWatching = false;
    }
  }

  /** Takes the answers of one call, until it has to be handed on or no isolate watches any more. */
  private async callHub(region: string, how: Pick<Watch, "waitMs" | "beatMs">): Promise<void> {
    const handOnMs = Date.now() + HAND_ON_MS;
    const { revision: have, closedAtMs = 0 } = this.snapshot;
    const call = this.hub().watch({ watcher: region, have, closedAtMs, maxAgeMs: 0, ...how });
    for await (const { change } of answersOf(call, how.waitMs + HUNG_AFTER_MS)) {
      this.take(change);
      if (isNewer(this.snapshot, this.toldHub)) this.ctx.waitUntil(this.confirm(region));
      if (Date.now() >= Math.min(handOnMs, this.watchUntilMs)) return;
    }
  }

  private take(change: WatchAnswer["change"]): void {
    const nowMs = Date.now();
    this.confirmedAtMs = nowMs;
    if (change !== null && isNewer(change, this.snapshot)) {
      this.snapshot = applyDelta(this.snapshot, change);
      for (const [id, { seenAtMs }] of this.isolates)
        if (seenAtMs < nowMs - this.watchMs - LINGER_MS) this.isolates.delete(id);
    }
    this.hubAnswers.wakeAll();
  }

  /** Tells the hub that this region has the newest revision, once the isolates that watch have named it too. */
  private async confirm(region: string): Promise<void> {
    const { snapshot } = this;
    const isolates = [...this.isolates.keys()];
    const untilMs = Date.now() + ISOLATES_MS;
    const isBehind = (id: string): boolean =>
      isNewer(snapshot, this.isolates.get(id)?.has ?? { revision: null });
    while (isolates.some(isBehind) && Date.now() < untilMs)
      await this.acknowledgements.wait(untilMs - Date.now());
    try {
      const told = this.hub().confirm(region, snapshot.revision, snapshot.closedAtMs);
      await within(HUNG_AFTER_MS, told, "hub confirm");
      if (isNewer(snapshot, this.toldHub)) this.toldHub = snapshot;
    } catch {
      // It is told again with the hub's next answer.
    }
  }

  private hub(): DurableObjectStub<HubRpc> {
    return this.env.HUB.get(this.env.HUB.idFromName("hub"));
  }
}
