// How a long message travels: the closes in it first, alone and tiny, then everything in parts that the edge applies as
// one. Pure.
import { createHash } from "node:crypto";
import type { Changes } from "../../features/read-snapshot.ts";
import type { Close, PushMessage } from "../../../shared/snapshot/push-message.ts";
import type { FeatureState } from "../../../shared/features/feature.ts";
import { Revision } from "../../../shared/ids.ts";

/** A message up to this size travels as one. It is no slower than its closes alone would be. */
const SHORT_BYTES = 64 * 1024;
/** Well below the edge's limit for a request, and below what middleboxes commonly let pass. */
const PART_BYTES = 512 * 1024;
/** Some 90 bytes each. */
const CLOSES_IN_ONE = 500;
/** Older edges take no parts, and no longer message than this. */
export const OLDER_EDGE_BYTES = 4 * 1024 * 1024;

export const bytesOf = (value: PushMessage | FeatureState): number =>
  Buffer.byteLength(JSON.stringify(value));

export const isLong = (message: PushMessage): boolean => bytesOf(message) > SHORT_BYTES;

/** Closes features and says nothing about the rest of the revision. */
const closesMessage = ({ revision, lineage, head }: PushMessage, closes: readonly Close[]): PushMessage => ({
  revision,
  ...(lineage === undefined ? {} : { lineage, head }),
  since: revision,
  full: false,
  features: [],
  removed: [],
  closes: [...closes],
});

/**
 * Asks an edge what it has, and with `asks` for all its features. An edge takes nothing from it but closes, whatever it has, and
 * shows whether it takes closes and parts. What does not fit follows with the rest.
 */
export const probeOf = (
  { message, closes }: Pick<Changes, "message" | "closes">,
  { asks }: { readonly asks: boolean },
): PushMessage => ({
  ...closesMessage(message, closes.slice(0, CLOSES_IN_ONE)),
  ...(asks ? { asks } : {}),
});

/** The closes among the changes, as messages of their own. */
export const closesAlone = ({ message, closes }: Pick<Changes, "message" | "closes">): PushMessage[] => {
  const messages: PushMessage[] = [];
  for (let at = 0; at < closes.length; at += CLOSES_IN_ONE)
    messages.push(closesMessage(message, closes.slice(at, at + CLOSES_IN_ONE)));
  return messages;
};

const chunksOf = (features: readonly FeatureState[]): FeatureState[][] => {
  const chunks: FeatureState[][] = [[]];
  let bytes = 0;
  for (const feature of features) {
    const size = bytesOf(feature);
    if (bytes + size > PART_BYTES && bytes > 0) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)?.push(feature);
    bytes += size;
  }
  return chunks;
};

/**
 * The parts of a message. They are named by its content, so parts of several origins complete one another. An edge that
 * does not know of parts refuses each of them, because it has not got the revision that they seem to build on.
 */
export const partsOf = (message: PushMessage): PushMessage[] => {
  const { revision, full, since, features, removed } = message;
  const id = createHash("sha256").update(JSON.stringify(message)).digest("hex").slice(0, 32);
  const chunks = chunksOf(features);
  const partOf = (chunk: FeatureState[], index: number): PushMessage => ({
    ...message,
    full: false,
    since: revision,
    features: chunk,
    removed: index === 0 ? removed : [],
    part: { id, index, count: chunks.length, full, ...(since === undefined ? {} : { since }) },
  });
  return chunks.map(partOf);
};

const withoutBehaviour = (state: FeatureState): FeatureState => ({
  ...state,
  targeting: null,
  routes: [],
  gate: null,
  activation: null,
});

/**
 * Closes features at an edge that takes neither closes nor parts: their states without what makes them long. The message
 * has a revision between the one that the edge has and the newest, so that the newest can still follow.
 */
export const closesForOlderEdge = ({ message, closes }: Changes, confirmed: number): PushMessage | null => {
  const { since, revision, features } = message;
  const ids = new Set(closes.map(({ featureId }) => featureId));
  const states = features.filter((state) => !state.enabled && ids.has(state.featureId));
  if (states.length === 0 || since === undefined) return null;
  const between = revision - 1 > confirmed ? revision - 1 : revision;
  return {
    ...message,
    revision: Revision.parse(between),
    features: states.map((state) => withoutBehaviour(state)),
  };
};
