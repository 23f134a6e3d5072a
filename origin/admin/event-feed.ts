// What changes, for those who watch. One reader serves all streams of the process, and rests while there are none.
import type { ErrorLog } from "../runtime/log.ts";
import { startPeriodicTask, type PeriodicTask } from "../runtime/periodic-task.ts";

/** Number of an audit entry, and its document. */
export type ChangeEvent = { readonly seq: number };
export type EvaluationEvent = { readonly id: number };

/** What happened beside changes of features: to an approval, a schedule, the policy of approvals. */
export type OperatorEvent = { readonly id: number; readonly kind: string; readonly document: object };

/** What an edge has confirmed, and whether it is reached. */
export type EdgeEvent = { readonly url: string };

export type FeedEvent<C extends ChangeEvent, E extends EvaluationEvent> =
  | { readonly kind: "change"; readonly change: C }
  | { readonly kind: "evaluation"; readonly evaluation: E }
  | { readonly kind: "operator"; readonly operator: OperatorEvent }
  | { readonly kind: "edge"; readonly edge: EdgeEvent };

export type FeedReads<C extends ChangeEvent, E extends EvaluationEvent> = {
  /** Numbers of the newest audit entry, evaluation and operator's event; 0 where there is none. */
  readonly newest: () => Promise<{ seq: number; evaluationId: number; operatorEventId: number }>;
  /** In rising order, at most `PAGE`. */
  readonly changesAfter: (seq: number, limit: number) => Promise<readonly C[]>;
  readonly evaluationsAfter: (id: number, limit: number) => Promise<readonly E[]>;
  readonly operatorEventsAfter: (id: number, limit: number) => Promise<readonly OperatorEvent[]>;
  /** All edges as they are now. */
  readonly edges: () => Promise<readonly EdgeEvent[]>;
};

const EVERY_MS = 250;
const PAGE = 500;
/** A row may be committed after one with a greater number, by another process. */
const LATE = 100;

/** Rows that may be committed late, each told once, from those after `newestId` on. */
const makeLateReader = <E extends { readonly id: number }>(
  newestId: number,
  readAfter: (id: number, limit: number) => Promise<readonly E[]>,
  tell: (row: E) => void,
): (() => Promise<void>) => {
  let newest = newestId;
  const seen = new Set<number>();
  let hasLookedBack = false;
  return async () => {
    const rows = await readAfter(Math.max(0, newest - LATE), PAGE + LATE);
    for (const row of rows) {
      // Those of before the first look are nobody's news.
      const isOld = !hasLookedBack && row.id <= newest;
      if (!isOld && !seen.has(row.id)) tell(row);
      seen.add(row.id);
    }
    hasLookedBack = true;
    newest = Math.max(newest, ...rows.map(({ id }) => id));
    for (const id of seen) if (id < newest - LATE) seen.delete(id);
  };
};

/** Each edge is told when it differs from the last look: however much it confirms in between, it is told once. */
const makeEdgeReader = (
  before: readonly EdgeEvent[],
  read: () => Promise<readonly EdgeEvent[]>,
  tell: (edge: EdgeEvent) => void,
): (() => Promise<void>) => {
  let known = new Map(before.map((edge) => [edge.url, JSON.stringify(edge)]));
  return async () => {
    const edges = await read();
    for (const edge of edges) if (known.get(edge.url) !== JSON.stringify(edge)) tell(edge);
    known = new Map(edges.map((edge) => [edge.url, JSON.stringify(edge)]));
  };
};

export type EventFeed<C extends ChangeEvent, E extends EvaluationEvent> = {
  /**
   * Hands over what happens from now on, and first what happened after the change `afterSeq` (null: nothing of before). The
   * returned function ends it. Evaluations and edges of before are not handed over.
   */
  readonly subscribe: (
    afterSeq: number | null,
    onEvent: (event: FeedEvent<C, E>) => void,
  ) => Promise<() => Promise<void>>;
};

export const makeEventFeed = <C extends ChangeEvent, E extends EvaluationEvent>({
  reads,
  log,
}: {
  reads: FeedReads<C, E>;
  log: ErrorLog;
}): EventFeed<C, E> => {
  const subscribers = new Set<(event: FeedEvent<C, E>) => void>();
  let task: Promise<PeriodicTask> | undefined;

  const startReader = async (): Promise<PeriodicTask> => {
    const newest = await reads.newest();
    let { seq } = newest;
    const tell = (event: FeedEvent<C, E>): void => {
      for (const subscriber of subscribers) subscriber(event);
    };
    const readChanges = async (): Promise<void> => {
      for (;;) {
        const changes = await reads.changesAfter(seq, PAGE);
        for (const change of changes) {
          seq = change.seq;
          tell({ kind: "change", change });
        }
        if (changes.length < PAGE) return;
      }
    };
    const readEvaluations = makeLateReader(newest.evaluationId, reads.evaluationsAfter, (evaluation) =>
      tell({ kind: "evaluation", evaluation }),
    );
    const readOperatorEvents = makeLateReader(newest.operatorEventId, reads.operatorEventsAfter, (operator) =>
      tell({ kind: "operator", operator }),
    );
    const readEdges = makeEdgeReader(await reads.edges(), reads.edges, (edge) =>
      tell({ kind: "edge", edge }),
    );
    return startPeriodicTask({
      firstAfterMs: 0,
      everyMs: EVERY_MS,
      run: async () => {
        await readChanges();
        await readEvaluations();
        await readOperatorEvents();
        await readEdges();
      },
      onError: (error) =>
        log.error({ err: error }, "the event stream could not read what changed; it tries again"),
    });
  };

  return {
    subscribe: async (afterSeq, onEvent) => {
      let last = afterSeq ?? 0;
      // What happens while the past is read waits for its turn.
      let waiting: FeedEvent<C, E>[] | null = [];
      const hand = (event: FeedEvent<C, E>): void => {
        if (event.kind === "change") {
          if (event.change.seq <= last) return;
          last = event.change.seq;
        }
        onEvent(event);
      };
      const subscriber = (event: FeedEvent<C, E>): void => {
        if (waiting === null) hand(event);
        else waiting.push(event);
      };
      subscribers.add(subscriber);
      const unsubscribe = async (): Promise<void> => {
        subscribers.delete(subscriber);
        if (subscribers.size > 0 || task === undefined) return;
        const ending = task;
        task = undefined;
        await (await ending).stop();
      };
      try {
        task ??= startReader();
        await task;
        // A database that lost its newest entries numbers the next ones alike: they must not be taken for old ones.
        last = Math.min(last, (await reads.newest()).seq);
        let page = afterSeq === null ? [] : await reads.changesAfter(last, PAGE);
        while (page.length > 0) {
          for (const change of page) hand({ kind: "change", change });
          page = await reads.changesAfter(last, PAGE);
        }
      } catch (error) {
        task = subscribers.size === 1 ? undefined : task;
        await unsubscribe();
        throw error;
      }
      for (const event of waiting) hand(event);
      waiting = null;
      return unsubscribe;
    },
  };
};
