// Keeps one edge at the newest revision: at first contact it asks what the edge has, then it sends all changes since the
// revision that the edge confirmed last. A message builds on the confirmed revision, not on what is under way. So messages may
// overlap, repeat and overtake one another, and a slow answer never holds up the next change.
import type { PushMessage } from "../../../shared/snapshot/push-message.ts";
import type { Revision } from "../../../shared/ids.ts";
import { backoffMs } from "../../runtime/backoff.ts";
import { makeInterruptibleSleep } from "../../runtime/interruptible-sleep.ts";
import type { Changes } from "../../features/read-snapshot.ts";
import type { ChangeNotification } from "../listen.ts";
import { deliverChanges, deliverCloses } from "./deliver-changes.ts";
import { notBelieved } from "./believe-answers.ts";
import type { PushAnswer, Send } from "./send-push.ts";
import { isLong, probeOf } from "./split-push.ts";

/** An idle edge gets a heartbeat this often: it keeps the connection warm and finds an edge that lost its state. */
const HEARTBEAT_MS = 2_000;
/** A region that is late is asked after this often. */
const RECHECK_MS = 250;
/** With this many messages under way further changes wait a moment and travel together. */
const CROWDED = 2;
const GATHER_MS = 20;
/** After so many failures the edge is asked again what it has, and whether it is of an older version. */
const ASK_AGAIN_AFTER = 4;
const RETRY = { firstMs: 50, mostMs: 5_000 };

export type EdgePusherOptions = {
  readonly url: string;
  readonly readChanges: (since: Revision | null) => Promise<Changes>;
  readonly send: Send;
  /**
   * The edge says that it has a revision above the database's `head`: the database was restored from an older state.
   * Returns null once the next revisions are above the edge's, or why it is not believed.
   */
  readonly onAhead: (
    edge: { readonly revision: Revision; readonly isSigned: boolean },
    head: Revision,
  ) => Promise<string | null>;
  /** Every answer, in the order of arrival. Never throws. */
  readonly onAnswer: (answer: PushAnswer, attempts: number) => void;
};

export type EdgePusher = {
  readonly notify: (notification: ChangeNotification) => void;
  readonly stop: () => Promise<void>;
};

export const startEdgePusher = (options: EdgePusherOptions): EdgePusher => {
  const { url, readChanges, send, onAhead, onAnswer } = options;
  const pause = makeInterruptibleSleep();
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  const sendToEdge = (message: PushMessage): Promise<PushAnswer> => send(url, message);
  let hasContact = false;
  let takesParts = false;
  let longUnderWay: PushMessage | null = null;
  let confirmed: Revision | null = null;
  let newestSent = -1;
  /** What the newest revision changed, when its notification carried that. */
  let notified: PushMessage | null = null;
  let failures = 0;
  let pauseMs = 0;
  let hasNotification = true;

  const retryLater = () => {
    failures += 1;
    newestSent = -1;
    if (failures % ASK_AGAIN_AFTER === 0) hasContact = false;
    pauseMs = backoffMs(failures, RETRY);
  };

  /** Sets the revision to build on for an edge that has another one than the message built on; null: send everything. */
  const resumeFrom = async (
    message: PushMessage,
    { revision, isSigned }: Extract<PushAnswer, { kind: "out-of-step" }>,
  ): Promise<string | null> => {
    const head = (await readChanges(revision)).message.revision;
    if (head < revision) {
      const doubt = await onAhead({ revision, isSigned }, head);
      if (doubt === null) confirmed = null;
      return doubt;
    }
    if (!(revision >= message.revision && confirmed !== null && confirmed > revision))
      confirmed = revision === 0 ? null : revision;
    return null;
  };

  /** Returns the answer, or a failure in its place when it is not believed. */
  const handleAnswer = async (message: PushMessage, answer: PushAnswer): Promise<PushAnswer> => {
    switch (answer.kind) {
      case "confirmed": {
        const isFirst = !hasContact;
        failures = 0;
        hasContact = true;
        takesParts = answer.takesParts || (takesParts && !isFirst);
        if (confirmed === null || answer.revision > confirmed) confirmed = answer.revision;
        const isLate = answer.regions.some((region) => region.revision < answer.revision);
        pauseMs = isLate ? RECHECK_MS : HEARTBEAT_MS;
        return answer;
      }
      case "out-of-step": {
        const isFirst = !hasContact;
        takesParts = answer.takesParts || (takesParts && !isFirst);
        const doubt = await resumeFrom(message, answer);
        if (doubt !== null) {
          retryLater();
          return notBelieved(doubt);
        }
        // The first attempt to get back in step is made at once. An edge that never agrees gets pauses.
        hasContact = true;
        if (isFirst) {
          newestSent = -1;
          pauseMs = 0;
          return answer;
        }
        retryLater();
        if (failures <= 2) pauseMs = 0;
        return answer;
      }
      case "incomplete":
        return answer;
      case "failed":
      case "refused":
        retryLater();
        return answer;
    }
  };

  const push = async (message: PushMessage, deliver: () => Promise<PushAnswer | null>): Promise<void> => {
    newestSent = Math.max(newestSent, message.revision);
    let answer = await deliver();
    if (answer === null) return;
    try {
      answer = await handleAnswer(message, answer);
    } catch {
      // The database is away. Each reader of it logs that; the loop tries again.
      retryLater();
    }
    if (longUnderWay === message) {
      longUnderWay = null;
      newestSent = Math.min(newestSent, message.revision);
      hasNotification = true;
    }
    onAnswer(answer, failures);
    pause.interrupt();
  };

  /**
   * A notified change is enough for an edge at the revision before it; for others the database has the changes. A notified
   * change is short, so its closes need not travel alone.
   */
  const nextChanges = (): Promise<Changes> | Changes => {
    const change = notified;
    notified = null;
    return change !== null && change.since === confirmed
      ? { message: change, closes: [] }
      : readChanges(confirmed);
  };

  /** While a long message is on its way, later closes overtake it, and what else is new waits for its end. */
  const deliver = async (changes: Changes): Promise<PushAnswer | null> => {
    if (!hasContact) return sendToEdge(probeOf(changes.message));
    if (!isLong(changes.message)) return deliverChanges(sendToEdge, changes, { confirmed, takesParts });
    if (longUnderWay !== null) {
      const answer = takesParts ? await deliverCloses(sendToEdge, changes) : null;
      return answer?.kind === "out-of-step" ? null : answer;
    }
    longUnderWay = changes.message;
    return deliverChanges(sendToEdge, changes, { confirmed, takesParts });
  };

  const pushOnce = async ({ onlyIfNew = false } = {}): Promise<void> => {
    const changes = await nextChanges();
    const { message } = changes;
    if (message.since !== undefined && message.since > message.revision) {
      // The edge's confirmed revision was once committed, so the database was restored from an older state.
      const isSigned = true; // its confirmation was believed
      await onAhead({ revision: message.since, isSigned }, message.revision);
      confirmed = null;
      newestSent = -1;
      pause.interrupt();
      return;
    }
    const isNew = message.revision > newestSent;
    // While an answer is outstanding only a new revision is sent; without one this is the heartbeat or another attempt.
    if (!isNew && (onlyIfNew || underWay.size > 0)) return;
    const sending = push(message, () => deliver(changes)).finally(() => underWay.delete(sending));
    underWay.add(sending);
    if (underWay.size > CROWDED) await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
  };

  let lastPushAt = 0;
  const running = (async () => {
    while (!stopping.signal.aborted) {
      const idleMs = performance.now() - lastPushAt;
      const isDue = idleMs >= pauseMs && underWay.size === 0;
      if (hasNotification || isDue) {
        hasNotification = false;
        lastPushAt = performance.now();
        await pushOnce().catch(retryLater);
        continue;
      }
      await pause.sleep(underWay.size > 0 ? HEARTBEAT_MS : Math.max(1, pauseMs - idleMs));
    }
  })();

  return {
    notify: ({ revision = Infinity, change }) => {
      if (revision <= newestSent) return;
      if (change !== undefined) notified = change;
      else if (revision > (notified?.revision ?? -1)) notified = null;
      hasNotification = true;
      pause.interrupt();
    },
    stop: async () => {
      stopping.abort();
      pause.interrupt();
      await running;
      notified = null;
      // A change of the last moment is still sent, unless this edge fails and would only delay the end.
      if (failures === 0) await pushOnce({ onlyIfNew: true }).catch(retryLater);
      await Promise.all(underWay);
    },
  };
};
