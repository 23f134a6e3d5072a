// Pushes to all edges, each on its own. Every process with the role `push` pushes every change: a repeated push has no
// effect at an edge, and no edge has to wait until a dead process has been noticed.
import type { Pool } from "../../db/pool.ts";
import type { Changes, Since } from "../../features/read-snapshot.ts";
import type { Revision } from "../../../shared/ids.ts";
import type { HistoryPoint } from "../../../shared/snapshot/push-message.ts";
import type { Witnessed } from "../../features/prepare-recovery.ts";
import type { ChangeNotification } from "../listen.ts";
import { makeBelieveAhead, makeSendAndCheck } from "./believe-answers.ts";
import { recordSignsAnswers, registerEdges } from "./confirmations.ts";
import { startEdgePusher } from "./edge-pusher.ts";
import { makeAnswerRecorder, type Confirmed } from "./record-answers.ts";
import { readOlderEdge } from "./read-older-edge.ts";
import type { Send } from "./send-push.ts";
import type { ErrorLog, WarningLog } from "../../runtime/log.ts";

export type Pusher = {
  readonly notify: (notification: ChangeNotification) => void;
  /** Lets what is under way end. */
  readonly stop: () => Promise<void>;
};

export const startPusher = async (options: {
  pool: Pool;
  edgeUrls: readonly string[];
  readChanges: (since: Since | null) => Promise<Changes>;
  readHead: (since: Since | null, wants?: { readonly closes: boolean }) => Promise<Changes>;
  /** Takes over what the edge knows and the database has lost. */
  recover: (edge: string, held: readonly Witnessed[], point?: HistoryPoint) => Promise<void>;
  raiseRevision: (above: Revision) => Promise<void>;
  send: Send;
  onConfirmed: (confirmed: Confirmed) => void;
  onFailing: (edge: string, isFailing: boolean) => void;
  /** An edge of an older version has revisions that the database never gave out. */
  onAhead: (edge: string) => void;
  /** An edge has a rollback; the time since its commit. */
  onRollbackArrived: (seconds: number) => void;
  log: WarningLog & ErrorLog;
}): Promise<Pusher> => {
  const { pool, edgeUrls, readChanges, readHead, recover, raiseRevision } = options;
  const { send, onConfirmed, onFailing, onAhead, onRollbackArrived, log } = options;
  const known = await registerEdges(pool, edgeUrls);
  const believeAhead = makeBelieveAhead(edgeUrls.length);

  const edges = edgeUrls.map((url) => {
    const recorder = makeAnswerRecorder({
      pool,
      url,
      onConfirmed,
      onFailing: (isFailing) => onFailing(url, isFailing),
      onRollbackArrived,
      log,
    });
    const pusher = startEdgePusher({
      url,
      readChanges,
      hadConfirmed: known.get(url)?.confirmed ?? null,
      readHead,
      onWitness: (held, point) => recover(url, held, point),
      readOlderEdge: (revision) => readOlderEdge(url, revision),
      send: makeSendAndCheck({
        send,
        signsAnswers: known.get(url)?.signsAnswers === true,
        onFirstSignature: () =>
          void recordSignsAnswers(pool, url).catch((error: unknown) =>
            log.warn(
              { edge: url, error: String(error) },
              "could not write down that the edge signs its answers; the next start of the origin learns it again",
            ),
          ),
      }),
      onClosed: recorder.recordCloses,
      onAnswer: recorder.record,
      doubtAhead: ({ revision, isSigned }, head) => believeAhead({ url, revision, isSigned }, head),
      raiseAbove: async (revision) => {
        log.warn(
          { edge: url, edgeRevision: revision },
          "the edge is ahead of the database, which was restored from an older state; the next revisions are above the edge's",
        );
        onAhead(url);
        await raiseRevision(revision);
      },
    });
    return { pusher, recorder };
  });

  return {
    notify: (notification) => {
      for (const { pusher } of edges) pusher.notify(notification);
    },
    stop: async () => {
      await Promise.all(edges.map(({ pusher }) => pusher.stop()));
      await Promise.all(edges.map(({ recorder }) => recorder.written()));
    },
  };
};
