// What a message says, whatever the channel. Pure.
import { createHash } from "node:crypto";
import { headlineOf } from "../../../shared/notifications/events.ts";
import type { News, SignalCounts } from "../announcement.ts";

export type Message = {
  /** The same for the same news to the same target, however often it is sent. */
  readonly id: string;
  readonly news: readonly News[];
};

export const messageOf = (target: string, news: readonly News[]): Message => {
  const hash = createHash("sha256").update(target);
  for (const { uid } of news) hash.update(`\n${uid}`);
  return { id: `msg_${hash.digest("hex").slice(0, 32)}`, news };
};

/** Changes of one commit are one piece of news to a reader, and so is what stands alone. */
export const isSameNews = (one: News, other: News): boolean =>
  one.revision !== null && one.revision === other.revision && one.event === other.event;

const headline = ({ event, featureId }: News): string =>
  featureId === null ? headlineOf(event) : `${headlineOf(event)}: ${featureId}`;

/** How many lines a message lists. */
const MOST_LISTED = 20;

export const titleOf = ({ news }: Message): string => {
  const [first] = news;
  if (first === undefined) return "No news";
  if (news.length === 1) return headline(first);
  return news.every(({ event }) => event === first.event)
    ? `${headlineOf(first.event)}: ${news.length} features`
    : `${news.length} pieces of news`;
};

const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`;

const shareText = ({ n, s }: { n: number; s: number }): string =>
  n === 0 ? "none" : `${s} of ${n} (${percent(s / n)})`;

const SIGNALS: Readonly<Record<string, string>> = {
  activation: "activation",
  retention: "retention",
  latency: "slow requests",
  errorRate: "failed requests",
};

/** "activation 312 of 5000 (6.24 %), threshold 15 %, holdout 610 of 5000 (12.2 %)" */
export const countsText = ({ signal, threshold, treatment, holdout }: SignalCounts): string =>
  [
    `${SIGNALS[signal] ?? signal} ${shareText(treatment)}`,
    `threshold ${percent(threshold)}`,
    ...(holdout === null ? [] : [`holdout ${shareText(holdout)}`]),
  ].join(", ");

/** "by token:deploy at revision 12, 2026-11-26 05:00 UTC" */
export const whoAndWhen = ({ actor, revision, at }: News): string =>
  [
    actor === null ? "" : `by ${actor} `,
    revision === null ? "" : `at revision ${revision}, `,
    `${at.toISOString().slice(0, 16).replace("T", " ")} UTC`,
  ].join("");

/** The line of one piece of news in a list, and how many are not listed. */
export const listOf = ({ news }: Message): { readonly lines: readonly string[]; readonly more: number } => {
  const listed = news.slice(0, MOST_LISTED);
  const ofOneKind = news.every(({ event }) => event === news[0]?.event);
  return {
    lines: listed.map((piece) => {
      const what = ofOneKind && piece.featureId !== null ? piece.featureId : headline(piece);
      return `${what}: ${piece.reason}`;
    }),
    more: news.length - listed.length,
  };
};

/** The page of a feature. `publicUrl` has no slash at its end. */
export const featureLink = (publicUrl: string, featureId: string): string =>
  `${publicUrl}/features/${encodeURIComponent(featureId)}`;

/** Where a person reads on. */
export const linkOf = (publicUrl: string, { news }: Message): string => {
  const [first] = news;
  return news.length !== 1 || first === undefined || first.featureId === null
    ? `${publicUrl}/`
    : featureLink(publicUrl, first.featureId);
};
