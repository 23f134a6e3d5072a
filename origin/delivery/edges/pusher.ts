// Pushes to all edges, each on its own. Every process with the role `push` pushes every change: an edge takes a
// repetition for nothing, and no edge has to wait until a dead process has been noticed.
import type { Pool } from "../../db/pool.ts";
import type { PushMessage } from "../../../shared/features/feature.ts";
import type { Revision } from "../../../shared/ids.ts";
import type { News } from "../listen.ts";
import { keepEdge } from "./edge-pusher.ts";
import { recordConfirmed, recordFailed, registerEdges } from "./confirmations.ts";
import type { PushAnswer, Send } from "./send-push.ts";

/** An unchanged confirmation is written down again after this long, in ms. */
const REWRITE_MS = 10_000;

export type Pusher = {
  readonly wake: (news: News) => void;
  /** Lets what is under way end. */
  readonly stop: () => Promise<void>;
};

export const makePusher = async (options: {
  pool: Pool;
  edgeUrls: readonly string[];
  readChanges: (since: Revision | null) => Promise<PushMessage>;
  raiseRevision: (above: Revision) => Promise<void>;
  send: Send;
  onConfirmed: (receipt: { edge: string; region: string; revision: Revision }) => void;
  /** An edge has a rollback; the time since its commit. */
  onRollbackArrived: (seconds: number) => void;
  log: { readonly warn: (facts: object, message: string) => void };
}): Promise<Pusher> => {
  const { pool, edgeUrls, readChanges, raiseRevision, send, onConfirmed, onRollbackArrived, log } = options;
  await registerEdges(pool, edgeUrls);
  const writing = new Set<Promise<void>>();

  const makeRecorder = (url: string) => {
    let written = "";
    let writtenAt = -Infinity;
    let wasFailing = false;

    const write = async (answer: PushAnswer, attempts: number): Promise<void> => {
      switch (answer.kind) {
        case "confirmed": {
          for (const { region, revision } of answer.regions) onConfirmed({ edge: url, region, revision });
          const text = JSON.stringify([answer.revision, answer.regions.map((r) => [r.region, r.revision])]);
          if (text === written && performance.now() - writtenAt < REWRITE_MS) return;
          for (const seconds of await recordConfirmed(pool, url, answer)) onRollbackArrived(seconds);
          written = text;
          writtenAt = performance.now();
          return;
        }
        case "failed":
          written = "";
          return recordFailed(pool, url, { error: answer.error, attempts });
        case "out-of-step":
          return;
        default:
          answer satisfies never;
      }
    };

    return (answer: PushAnswer, attempts: number): void => {
      const isFailing = answer.kind === "failed";
      if (isFailing && !wasFailing) log.warn({ edge: url, error: answer.error }, "edge does not take pushes");
      if (wasFailing && answer.kind === "confirmed") log.warn({ edge: url }, "edge takes pushes again");
      wasFailing = isFailing || (wasFailing && answer.kind !== "confirmed");
      const done = write(answer, attempts)
        .catch((error: unknown) => log.warn({ edge: url, error: String(error) }, "receipt not recorded"))
        .finally(() => writing.delete(done));
      writing.add(done);
    };
  };

  const edges = edgeUrls.map((url) =>
    keepEdge({
      url,
      readChanges,
      send,
      onAnswer: makeRecorder(url),
      onAhead: async (edgeRevision) => {
        log.warn({ edge: url, edgeRevision }, "edge is ahead of the database; revisions go on above it");
        await raiseRevision(edgeRevision);
      },
    }),
  );
  return {
    wake: (news) => {
      for (const edge of edges) edge.wake(news);
    },
    stop: async () => {
      await Promise.all(edges.map((edge) => edge.stop()));
      await Promise.all(writing);
    },
  };
};
