// The snapshot that an isolate holds in memory: where it came from, how old it is, whether it is stale. The caller tells
// the time.
import type { Revision } from "../../shared/ids.ts";
import {
  applyDelta,
  emptySnapshot,
  FIRST_REVISION,
  featuresOf,
  isNewer,
  type VersionedSnapshot,
} from "../../shared/snapshot/versioned-snapshot.ts";
import { compileSnapshot, type CompiledSnapshot } from "../features/compile-snapshot.ts";
import type { KvCopy } from "./kv-copy.ts";
import type { WatchAnswer } from "./rpc.ts";

/** `memory`: confirmed before this request came. `replica`: confirmed for it. `default`: nothing was ever pushed. */
export type SnapshotSource = "memory" | "replica" | "kv" | "default";

/** The snapshot as one request sees it. */
export type SnapshotView = {
  readonly snapshot: CompiledSnapshot;
  readonly source: SnapshotSource;
  /** Since the hub last confirmed it. */
  readonly ageMs: number;
  /** Not confirmed for longer than MAX_STALE_MS: features whose failure mode is `closed` are closed. */
  readonly stale: boolean;
};

/** What an answer was good for. `isConfirmed`: the hub confirmed this snapshot less than MAX_STALE_MS ago. */
export type Taken = { readonly isNew: boolean; readonly isConfirmed: boolean };

export class HeldSnapshot {
  readonly #maxStaleMs: number;
  #versioned: VersionedSnapshot = emptySnapshot;
  #compiled: CompiledSnapshot | null = null;
  #heldFrom: "replica" | "kv" | "default" = "default";
  #confirmedAtMs = 0;

  constructor(maxStaleMs: number) {
    this.#maxStaleMs = maxStaleMs;
  }

  /** false: requests cannot be answered yet. */
  get isThere(): boolean {
    return this.#compiled !== null;
  }

  get revision(): Revision | null {
    return this.#versioned.revision;
  }

  /** The newest close that came before the rest of its revision. */
  get closedAtMs(): number {
    return this.#versioned.closedAtMs ?? 0;
  }

  /** The revision to name in a watch. A snapshot from KV is not named: the replica answers with all it has. */
  get watchedRevision(): Revision | null {
    return this.#heldFrom === "replica" ? this.#versioned.revision : null;
  }

  /** Takes what a replica answered. */
  take(answer: WatchAnswer, nowMs: number): Taken {
    const { revision, closedAtMs = this.closedAtMs, change, ageMs } = answer;
    let isNew = change !== null && isNewer(change, this.#versioned);
    if (isNew && change !== null) this.#hold(applyDelta(this.#versioned, change));
    // A replica that knows less than this isolate has not confirmed what it holds.
    if (ageMs === null || revision !== this.revision || closedAtMs !== this.closedAtMs)
      return { isNew, isConfirmed: false };
    if (this.#compiled === null) {
      this.#hold(this.#versioned);
      isNew = true;
    }
    this.#heldFrom = "replica";
    this.#confirmedAtMs = Math.max(this.#confirmedAtMs, nowMs - ageMs);
    return { isNew, isConfirmed: ageMs <= this.#maxStaleMs };
  }

  /** Begins from KV, or without any feature when KV has no copy. */
  begin(copy: KvCopy | null, nowMs: number): void {
    this.#hold(copy?.snapshot ?? emptySnapshot);
    this.#heldFrom = copy === null ? "default" : "kv";
    this.#confirmedAtMs = copy?.writtenAtMs ?? nowMs;
  }

  isFresh(nowMs: number): boolean {
    return this.#heldFrom === "replica" && nowMs - this.#confirmedAtMs <= this.#maxStaleMs;
  }

  /** `wasAsked`: a replica confirmed the snapshot for this request. */
  view(nowMs: number, wasAsked = false): SnapshotView {
    const ageMs = Math.max(0, nowMs - this.#confirmedAtMs);
    return {
      snapshot: this.#compiled ?? compileSnapshot(FIRST_REVISION, []),
      source: this.#source(wasAsked),
      ageMs,
      stale: this.#heldFrom !== "replica" || ageMs > this.#maxStaleMs,
    };
  }

  #source(wasAsked: boolean): SnapshotSource {
    if (this.revision === null) return "default";
    if (this.#heldFrom !== "replica") return this.#heldFrom;
    return wasAsked ? "replica" : "memory";
  }

  #hold(next: VersionedSnapshot): void {
    this.#versioned = next;
    this.#compiled = compileSnapshot(next.revision ?? FIRST_REVISION, featuresOf(next), this.#compiled);
  }
}
