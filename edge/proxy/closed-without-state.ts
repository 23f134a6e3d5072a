// What stays closed while the edge does not know the features: at a cold start when neither a replica nor KV answers, when
// the gate fails, and when the configuration is wrong. A feature whose failure mode is `closed` says so itself wherever its
// state can be read; where it cannot, the variable CLOSED_WITHOUT_STATE names the paths.
import { readPath } from "../../shared/features/canonical-path.ts";
import type { WhenClosed } from "../../shared/features/gate.ts";
import { compilePath, PathPattern } from "../../shared/features/route.ts";
import {
  FIRST_REVISION,
  featuresOf,
  type VersionedSnapshot,
} from "../../shared/snapshot/versioned-snapshot.ts";
import { compileSnapshot } from "../features/compile-snapshot.ts";
import type { FindRouted } from "../features/routed-features.ts";
import type { KvCopy } from "../snapshot/kv-copy.ts";
import { within } from "../waiting.ts";
import { decideGate } from "./gate-outcome.ts";

/** Whether the canonical path is answered as if there were nothing. */
export type IsClosedWithoutState = (path: string) => boolean;

export const makeIsClosedWithoutState = (patterns: readonly string[]): IsClosedWithoutState => {
  const compiled = patterns.map((pattern) => compilePath(pattern));
  return (path) => {
    if (compiled.length === 0) return false;
    const readings = readPath(path);
    return compiled.some(({ test }) => test(readings));
  };
};

/** The patterns of a variable that may itself be what is wrong: those that can be read. */
export const readablePatterns = (variable: unknown): readonly string[] =>
  typeof variable === "string"
    ? variable.split(/\s+/).filter((pattern) => PathPattern.safeParse(pattern).success)
    : [];

const READ_MS = 1_000;
/** For so long requests use what one of them has read. */
const FRESH_MS = 10_000;

/** By the KV copy: what a stale snapshot would answer. Features that keep their state when it is stale answer nothing. */
const closedBy = (snapshot: VersionedSnapshot): FindRouted => {
  const closing = featuresOf(snapshot).filter(({ failureMode }) => failureMode === "closed");
  return compileSnapshot(snapshot.revision ?? FIRST_REVISION, closing).gated;
};

type Asked = { readonly path: string; readonly method: string; readonly url: string };

/** The answer of a Worker whose configuration is wrong; null: the site answers. */
export const makeAnswerMisconfigured = ({
  readCopy,
  isClosed,
  now,
}: {
  readCopy: () => Promise<KvCopy | null>;
  isClosed: IsClosedWithoutState;
  now: () => number;
}): ((asked: Asked) => Promise<WhenClosed | null>) => {
  let read: { readonly closed: FindRouted | null; readonly atMs: number } | null = null;

  const closedNow = async (): Promise<FindRouted | null> => {
    if (read !== null && now() - read.atMs < FRESH_MS) return read.closed;
    const copy = await within(READ_MS, readCopy(), "KV").catch(() => null);
    read = { closed: copy === null ? null : closedBy(copy.snapshot), atMs: now() };
    return read.closed;
  };

  return async ({ path, method, url }) => {
    if (isClosed(path)) return { action: "notFound" };
    const closed = await closedNow();
    if (closed === null) return null;
    return decideGate(closed, { path, method }, { compared: [] }, { url, preview: null }).answer;
  };
};
