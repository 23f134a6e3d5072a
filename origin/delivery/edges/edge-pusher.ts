// Keeps one edge at the newest revision: full state at first contact, then all changes since the revision that the
// edge last confirmed. Messages build on what is confirmed, not on what is under way, so they may overlap, repeat and
// overtake one another; a slow answer never holds up the next change.
import type { PushMessage } from "../../../shared/features/feature.ts";
import type { Revision } from "../../../shared/ids.ts";
import type { News } from "../listen.ts";
import { backoffMs, makeAlarm } from "../../runtime/alarm.ts";
import type { PushAnswer, Send } from "./send-push.ts";

/** An idle edge is asked what it has this often: keeps the connection warm and finds one that lost its state. */
const HEARTBEAT_MS = 2_000;
/** A region that is late is asked after this often. */
const RECHECK_MS = 250;
/** With this many messages under way further changes wait a moment and travel together. */
const CROWDED = 2;
const GATHER_MS = 20;
const PAUSE = { firstMs: 50, mostMs: 5_000 };

export type EdgeDeps = {
  readonly url: string;
  readonly readChanges: (since: Revision | null) => Promise<PushMessage>;
  readonly send: Send;
  /** The edge has a revision that the database never gave out (it was restored from an older state). */
  readonly onAhead: (edgeRevision: Revision) => Promise<void>;
  /** Every answer, in the order of arrival. Never throws. */
  readonly onAnswer: (answer: PushAnswer, attempts: number) => void;
};

export type Edge = { readonly wake: (news: News) => void; readonly stop: () => Promise<void> };

export const keepEdge = ({ url, readChanges, send, onAhead, onAnswer }: EdgeDeps): Edge => {
  const alarm = makeAlarm();
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  let confirmed: Revision | null = null;
  let newestSent = -1;
  /** What the newest revision changed, when that was told with it. */
  let told: PushMessage | null = null;
  let failures = 0;
  let pauseMs = 0;

  const later = () => {
    failures += 1;
    newestSent = -1;
    pauseMs = backoffMs(failures, PAUSE);
  };

  /** What the edge has, when it is not what a message built on; null stands for "send everything". */
  const foundAt = async (message: PushMessage, revision: Revision): Promise<Revision | null> => {
    const head = (await readChanges(revision)).revision;
    if (head < revision) {
      await onAhead(revision);
      return null;
    }
    if (revision >= message.revision && confirmed !== null && confirmed > revision) return confirmed;
    return revision === 0 ? null : revision;
  };

  const take = async (message: PushMessage, answer: PushAnswer): Promise<void> => {
    switch (answer.kind) {
      case "confirmed": {
        failures = 0;
        if (confirmed === null || answer.revision > confirmed) confirmed = answer.revision;
        const isLate = answer.regions.some((region) => region.revision < answer.revision);
        pauseMs = isLate ? RECHECK_MS : HEARTBEAT_MS;
        return;
      }
      case "out-of-step": {
        confirmed = await foundAt(message, answer.revision);
        // The first step back in step is taken at once; an edge that never agrees is not hammered.
        later();
        if (failures <= 2) pauseMs = 0;
        return;
      }
      case "failed":
        return later();
      default:
        answer satisfies never;
    }
  };

  const push = async (message: PushMessage): Promise<void> => {
    newestSent = Math.max(newestSent, message.revision);
    const answer = await send(url, message);
    try {
      await take(message, answer);
    } catch {
      // The database is away; the loop comes back to it.
      later();
    }
    onAnswer(answer, failures);
    alarm.ring();
  };

  /** What was told is enough for an edge that has the revision before; else the database knows what it lacks. */
  const takeOrRead = (): Promise<PushMessage> | PushMessage => {
    const change = told;
    told = null;
    return change !== null && change.since === confirmed ? change : readChanges(confirmed);
  };

  const round = async ({ onlyNews = false } = {}): Promise<void> => {
    const message = await takeOrRead();
    if (message.since !== undefined && message.since > message.revision) {
      // What an edge has confirmed was once committed, so the database was restored from an older state.
      await onAhead(message.since);
      confirmed = null;
      newestSent = -1;
      alarm.ring();
      return;
    }
    const isNews = message.revision > newestSent;
    // While an answer is outstanding only news is sent; without one this is the heartbeat, or another attempt.
    if (!isNews && (onlyNews || underWay.size > 0)) return;
    const sending = push(message).finally(() => underWay.delete(sending));
    underWay.add(sending);
    if (underWay.size > CROWDED) await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
  };

  let lastRoundAt = 0;
  let news = true;
  const running = (async () => {
    while (!stopping.signal.aborted) {
      const idleMs = performance.now() - lastRoundAt;
      const isDue = idleMs >= pauseMs && underWay.size === 0;
      if (news || isDue) {
        news = false;
        lastRoundAt = performance.now();
        await round().catch(later);
        continue;
      }
      await alarm.wait(underWay.size > 0 ? HEARTBEAT_MS : Math.max(1, pauseMs - idleMs));
    }
  })();

  return {
    wake: ({ revision = Infinity, change }) => {
      if (revision <= newestSent) return;
      if (change !== undefined) told = change;
      else if (revision > (told?.revision ?? -1)) told = null;
      news = true;
      alarm.ring();
    },
    stop: async () => {
      stopping.abort();
      alarm.ring();
      await running;
      told = null;
      // What was committed in the last moment still goes out, unless the edge would only keep us waiting.
      if (failures === 0) await round({ onlyNews: true }).catch(later);
      await Promise.all(underWay);
    },
  };
};
