// Keeps one edge at the newest revision: at first contact it asks what the edge has, then it sends all changes since the
// revision that the edge confirmed last. A message builds on the confirmed revision, not on what is under way. So messages may
// overlap, repeat and overtake one another, and a slow answer never holds up the next change.
import type { Close, HistoryPoint, PushMessage } from "../../../shared/snapshot/push-message.ts";
import type { Revision } from "../../../shared/ids.ts";
import type { Witnessed } from "../../features/prepare-recovery.ts";
import { errorText } from "../../runtime/error-text.ts";
import { backoffMs } from "../../runtime/backoff.ts";
import { makeInterruptibleSleep } from "../../runtime/interruptible-sleep.ts";
import type { Changes, Since } from "../../features/read-snapshot.ts";
import type { ChangeNotification } from "../listen.ts";
import { deliverChanges, deliverCloses } from "./deliver-changes.ts";
import { notBelieved } from "./believe-answers.ts";
import type { PushAnswer, Send } from "./send-push.ts";
import { closesAlone, isLong, probeOf } from "./split-push.ts";

/** An idle edge gets a heartbeat this often: it keeps the connection warm and finds an edge that lost its state. */
const HEARTBEAT_MS = 2_000;
/** A region that is late is asked after this often. */
const RECHECK_MS = 250;
/** An edge that follows another history is asked again this often, and closes go to it each time. */
const BUSY_MS = 1_000;
/** With this many messages under way further changes wait a moment and travel together. */
const CROWDED = 2;
const GATHER_MS = 20;
/** After so many failures the edge is asked again what it has, and whether it is of an older version. */
const ASK_AGAIN_AFTER = 4;
const RETRY = { firstMs: 50, mostMs: 5_000 };

export type EdgePusherOptions = {
  readonly url: string;
  readonly readChanges: (since: Since | null) => Promise<Changes>;
  /** What the edge had confirmed to an earlier process; null: nothing is known. */
  readonly hadConfirmed: Since | null;
  /** The newest state by its name alone, and whether the database knows the edge's; with what is closed since, if it is asked. */
  readonly readHead: (since: Since | null, wants?: { readonly closes: boolean }) => Promise<Changes>;
  readonly send: Send;
  /** Why an edge is not believed that says it has a revision above the database's `head`; null: it is. */
  readonly doubtAhead: (
    edge: { readonly revision: Revision; readonly isSigned: boolean },
    head: Revision,
  ) => string | null;
  /** The next revisions are above this one, which the database never gave out: it was restored from an older state. */
  readonly raiseAbove: (revision: Revision) => Promise<void>;
  /** Takes over what the edge has closed and the database has lost; `point` is its state, where it is of another history. */
  readonly onWitness: (held: readonly Witnessed[], point?: HistoryPoint) => Promise<void>;
  /** What an edge of an older version holds, which it does not tell in its answers. Throws when it does not tell. */
  readonly readOlderEdge: (revision: Revision) => Promise<readonly Witnessed[]>;
  /** These are closed at the edge, whatever became of the rest of their revision. Never throws. */
  readonly onClosed: (closes: readonly Close[]) => void;
  /** Every answer, in the order of arrival. Never throws. */
  readonly onAnswer: (answer: PushAnswer, attempts: number) => void;
};

export type EdgePusher = {
  readonly notify: (notification: ChangeNotification) => void;
  readonly stop: () => Promise<void>;
};

export const startEdgePusher = (options: EdgePusherOptions): EdgePusher => {
  const { url, readChanges, readHead, send, doubtAhead, raiseAbove, onWitness, readOlderEdge } = options;
  const { onClosed, onAnswer } = options;
  const pause = makeInterruptibleSleep();
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  const sendToEdge = async (message: PushMessage): Promise<PushAnswer> => {
    const answer = await send(url, message);
    const { closes = [] } = message;
    if (closes.length > 0 && answer.kind === "out-of-step" && answer.closesArrived) onClosed(closes);
    return answer;
  };
  let hasContact = false;
  let takesParts = false;
  let longUnderWay: PushMessage | null = null;
  let confirmed: Since | null = null;
  /** As `confirmed`, and kept while the edge is asked again. */
  let lastConfirmed = options.hadConfirmed;
  /** The edge has a state of another history, and is asked for its features before anything is pushed. */
  let asks = false;
  /** The state of another history that the next full message takes the place of. */
  let replaces: HistoryPoint | undefined;
  let newestSent = -1;
  /** What the newest revision changed, when its notification carried that. */
  let notified: PushMessage | null = null;
  let failures = 0;
  /** The last push got no answer, or a refusal. */
  let isUnreachable = false;
  let pauseMs = 0;
  let hasNotification = true;

  const retryLater = () => {
    failures += 1;
    newestSent = -1;
    if (failures % ASK_AGAIN_AFTER === 0) hasContact = false;
    pauseMs = backoffMs(failures, RETRY);
  };

  type OutOfStep = Extract<PushAnswer, { kind: "out-of-step" }>;

  /** Sets the state to build on for an edge that has another one than the message built on; null: send everything. */
  const resumeFrom = async (message: PushMessage, answer: OutOfStep): Promise<string | null> => {
    const { revision, history } = answer;
    const since = { revision, head: history?.head };
    const { message: head, knowsSince } = await readHead(since);
    if (history !== undefined && !knowsSince) return takeOver(answer, history, head.revision);
    asks = false;
    replaces = undefined;
    if (head.revision < revision) return raiseAboveOlder(answer, head.revision);
    const isOutdated = revision >= message.revision && confirmed !== null && confirmed.revision > revision;
    if (!isOutdated) confirmed = revision === 0 ? null : since;
    return null;
  };

  /** An edge that names no history is ahead of the database: what it has closed is closed here before it is sent everything. */
  const raiseAboveOlder = async (
    { revision, isSigned }: OutOfStep,
    head: Revision,
  ): Promise<string | null> => {
    const held = await readOlderEdge(revision).catch((error: unknown) => errorText(error));
    if (typeof held === "string")
      return (
        `the edge runs an older version and has revision ${revision}, above the database's ${head}; what it has closed could ` +
        `not be read from its /.sluice/explain (${held}), so nothing is sent that might open it: update the edge`
      );
    const doubt = doubtAhead({ revision, isSigned }, head);
    if (doubt !== null) return doubt;
    // In this order: from the raise on an older edge takes what any origin sends, so that everything has to be closed by then.
    await onWitness(held);
    await raiseAbove(revision);
    confirmed = null;
    return null;
  };

  /** The edge's state is of a history that this database does not contain: what it has closed is closed here first. */
  const takeOver = async (
    { holds, isBusy, isSigned, revision }: OutOfStep,
    history: HistoryPoint,
    head: Revision,
  ): Promise<string | null> => {
    confirmed = null;
    if (!isSigned) return "the edge names another history of the database without a signature: not believed";
    if (isBusy)
      return `another database pushes to this edge (lineage ${history.lineage}): stop one of them; features are closed by both meanwhile`;
    if (holds === undefined) {
      asks = true;
      return null;
    }
    const doubt = head < revision ? doubtAhead({ revision, isSigned }, head) : null;
    if (doubt !== null) return doubt;
    await onWitness(holds, history);
    asks = false;
    replaces = history;
    return null;
  };

  /** Returns the answer, or a failure in its place when it is not believed. */
  const handleAnswer = async (message: PushMessage, answer: PushAnswer): Promise<PushAnswer> => {
    switch (answer.kind) {
      case "confirmed": {
        const isFirst = !hasContact;
        failures = 0;
        isUnreachable = false;
        hasContact = true;
        asks = false;
        replaces = undefined;
        takesParts = answer.takesParts || (takesParts && !isFirst);
        const { revision, head } = answer;
        if (confirmed === null || revision > confirmed.revision) confirmed = { revision, head };
        lastConfirmed = confirmed;
        const isLate = answer.regions.some((region) => region.revision < revision);
        pauseMs = isLate ? RECHECK_MS : HEARTBEAT_MS;
        if (answer.disputed.length > 0) await onWitness(answer.disputed);
        return answer;
      }
      case "out-of-step": {
        const isFirst = !hasContact;
        // An edge that is back is brought up to date at once, however long it was away.
        if (isUnreachable) failures = 0;
        isUnreachable = false;
        takesParts = answer.takesParts || (takesParts && !isFirst);
        hasContact = true;
        const doubt = await resumeFrom(message, answer);
        if (answer.disputed.length > 0 && answer.isSigned) await onWitness(answer.disputed);
        if (doubt !== null) {
          retryLater();
          pauseMs = Math.min(pauseMs, answer.isBusy ? BUSY_MS : pauseMs);
          return notBelieved(doubt);
        }
        // The first attempts to get back in step are made at once. An edge that never agrees gets pauses.
        if (isFirst) newestSent = -1;
        else retryLater();
        // Messages that overtook one another need no further one at once: the newest is under way.
        const isAskedOrTold = isFirst || asks || replaces !== undefined;
        if (isAskedOrTold && failures <= 3) hasNotification = true;
        else if (failures <= 2) pauseMs = 0;
        return answer;
      }
      case "incomplete":
        return answer;
      case "failed":
      case "refused":
        isUnreachable = true;
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
  const nextChanges = async (): Promise<Changes> => {
    const change = notified;
    notified = null;
    // What was closed since the last contact goes with the question: a close is right whatever the edge has.
    if (!hasContact || asks)
      return { ...(await readHead(lastConfirmed, { closes: true })), knowsSince: true };
    return change !== null && continuesConfirmed(change)
      ? { message: change, closes: [], knowsSince: true }
      : readChanges(confirmed);
  };

  const continuesConfirmed = ({ since, sinceHead }: PushMessage): boolean =>
    confirmed !== null &&
    since === confirmed.revision &&
    (confirmed.head === undefined || sinceHead === confirmed.head);

  /** While a long message is on its way, later closes overtake it, and what else is new waits for its end. */
  const deliver = async (changes: Changes): Promise<PushAnswer | null> => {
    if (!hasContact || asks) return sendToEdge(probeOf(changes, { asks }));
    if (replaces !== undefined) {
      // Closes hold at once, while the edge may still follow another history.
      const closed = takesParts ? await deliverCloses(sendToEdge, changes) : null;
      if (closed?.kind === "failed" || closed?.kind === "refused") return closed;
    }
    const whole =
      replaces === undefined ? changes : { ...changes, message: { ...changes.message, replaces } };
    if (!isLong(changes.message))
      return deliverChanges(sendToEdge, whole, { confirmed, takesParts, onClosed });
    if (longUnderWay !== null) {
      const answer = takesParts ? await deliverCloses(sendToEdge, changes) : null;
      return answer?.kind === "out-of-step" ? null : answer;
    }
    longUnderWay = changes.message;
    return deliverChanges(sendToEdge, whole, { confirmed, takesParts, onClosed });
  };

  const pushOnce = async ({ onlyIfNew = false } = {}): Promise<void> => {
    const changes = await nextChanges();
    const { message } = changes;
    const isBehind = message.since !== undefined && message.since > message.revision;
    if (!changes.knowsSince || isBehind) {
      // The edge's confirmed state was once committed, so the database lost it meanwhile. The edge is asked.
      confirmed = null;
      asks = true;
      hasContact = false;
      newestSent = -1;
      hasNotification = true;
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
      // What is too long for a notification is announced by its closes.
      const closes = change?.closes ?? [];
      if (change !== undefined && closes.length > 0 && takesParts)
        for (const message of closesAlone({ message: change, closes })) void sendToEdge(message);
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
