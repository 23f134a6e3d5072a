// The calls between the places of the edge's state: isolate → replica → hub. A watch is subscription, catch-up,
// acknowledgement and heartbeat in one call.
import type { Revision } from "../../shared/ids.ts";
import type { Result } from "../../shared/result.ts";
import type { HeldFeature } from "../../shared/snapshot/push-message.ts";
import type {
  ApplyPushError,
  History,
  Push,
  SnapshotDelta,
} from "../../shared/snapshot/versioned-snapshot.ts";

export type Watch = {
  /** Who watches: an isolate's id at a replica, a region at the hub. */
  readonly watcher: string;
  /** The revision that the watcher has; null: none. Naming a revision acknowledges it. */
  readonly have: Revision | null;
  /** The newest close that came alone and that the watcher has; absent: it cannot take closes before their revision. */
  readonly closedAtMs?: number;
  /** How long the answer may be held back while there is nothing new; 0: answer now. */
  readonly waitMs: number;
  /**
   * Answer with a stream: at once, with each change, and at least this often. A place of an older version does not know
   * it and gives one answer.
   */
  readonly beatMs?: number;
  /** The hub must have confirmed the answer less than this long ago. */
  readonly maxAgeMs: number;
};

/** What a watcher has, or was told by its stream. */
export type Has = Pick<Watch, "have" | "closedAtMs">;

export type WatchAnswer = {
  /** The newest revision that the answering place knows; null: none. */
  readonly revision: Revision | null;
  /** The newest close that came alone and that the answering place knows. */
  readonly closedAtMs?: number;
  /** null: the watcher is up to date. */
  readonly change: SnapshotDelta | null;
  /** Time since the hub last had nothing newer than this answer; null: the hub never answered. */
  readonly ageMs: number | null;
};

/** A region's word that it has `revision`, `ms` after the hub took the push. */
export type Confirmation = { readonly region: string; readonly revision: Revision; readonly ms: number };

/** The answer to a push. Its form is that of `POST /.sluice/push`. */
export type PushAnswer = {
  readonly revision: Revision;
  readonly regions: readonly Confirmation[];
  /** The message named closes, and they are closed. */
  readonly closed?: true;
  /** Regions that have not confirmed the closes in time; absent: all have. */
  readonly late?: readonly string[];
  /** Closed here, though the origin says that they are open. */
  readonly disputed?: readonly HeldFeature[];
};

/**
 * Why a push was not applied, and what is here instead. `incomplete`: parts of the message are missing. `busy`: another
 * history is pushed here. The closes of the message hold whatever the reason.
 */
export type PushRefusal = Pick<PushAnswer, "closed" | "late" | "disputed"> &
  Partial<History> & {
    readonly reason: ApplyPushError["reason"] | "incomplete" | "busy";
    readonly have: Revision;
    /** All features, where the message asks for them. */
    readonly holds?: readonly HeldFeature[];
  };

/** Answers as lines of JSON (watch-stream.ts), to a watch with `beatMs`. */
export type Answered = WatchAnswer | ReadableStream<Uint8Array>;

export type HubRpc = Rpc.DurableObjectBranded & {
  /** Answers at once when there is something newer than `have`, else after `waitMs`. */
  watch(watch: Watch): Promise<Answered>;
  /** A region says that it and the isolates that watch it have `revision`. */
  confirm(region: string, revision: Revision | null, closedAtMs?: number): Promise<void>;
  /** Takes a push and waits until every region that is awake, and `region`, has confirmed it or had its time. */
  push(message: Push, region: string): Promise<Result<PushAnswer, PushRefusal>>;
};

export type ReplicaRpc = Rpc.DurableObjectBranded & {
  /** As the hub's, but held back until the hub's own next answer, or a little longer when the hub hangs. */
  watch(watch: Watch, region: string): Promise<Answered>;
};
