// The rows of the list, loaded page after page and kept in their places: what happens changes a row where it stands. Only who asks
// for another order or other filters gets the rows in another order.
import { useEffect, useRef, useState } from "preact/hooks";
import { failureOf, signIn, type Failure } from "../api.ts";
import { listFeatures, type ListedFeature } from "../client.gen.ts";
import { listen, silentSinceMs } from "../live.ts";
import { filtersOf, type ListQuery } from "./query.ts";

const PAGE_SIZE = 100;
/** Events of one moment are asked about together. */
const TOGETHER_MS = 300;
/** The rows in sight are asked for again after so long in any case: their telemetry goes on without an event. */
const EVERY_MS = 10_000;

type Rows = {
  readonly key: string;
  readonly rows: readonly ListedFeature[];
  readonly total: number;
  /** null: these are all. */
  readonly next: string | null;
};

export type FeatureList = {
  /** undefined: nothing was answered yet. */
  readonly loaded: Rows | undefined;
  readonly failure: Failure | null;
  /** Features that were changed and are in no row: they may be new, or match the filters now. */
  readonly others: number;
  readonly more: () => void;
  readonly reload: () => void;
};

const isSame = (one: ListedFeature, other: ListedFeature): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

/** `inSight`: ids of the rows that can be seen now. */
export const useFeatureList = (query: ListQuery, inSight: () => readonly string[]): FeatureList => {
  const key = JSON.stringify(query);
  const [loaded, setLoaded] = useState<Rows>();
  const [failure, setFailure] = useState<Failure | null>(null);
  const [others, setOthers] = useState<ReadonlySet<string>>(new Set());
  const [count, setCount] = useState(0);
  const now = useRef({ key, loaded, isBusy: false });
  now.current.key = key;
  now.current.loaded = loaded;

  const attempt = async (ask: () => Promise<void>): Promise<void> => {
    try {
      await ask();
      setFailure(null);
    } catch (error) {
      const found = failureOf(error);
      if (found.status === 401) signIn();
      setFailure(found);
    }
  };

  const loadPage = async (after: string | null): Promise<void> => {
    const { sort, order } = query;
    const asked = { ...filtersOf(query), sort, order, limit: PAGE_SIZE };
    const page = await listFeatures(after === null ? asked : { ...asked, after });
    if (now.current.key !== key) return;
    setLoaded((before) => {
      const kept = after === null ? [] : (before?.rows ?? []);
      const known = new Set(kept.map(({ featureId }) => featureId));
      return {
        key,
        rows: [...kept, ...page.features.filter(({ featureId }) => !known.has(featureId))],
        total: page.total,
        next: page.next === null ? null : String(page.next),
      };
    });
  };

  const more = (): void => {
    const next = now.current.loaded?.next ?? null;
    if (next === null || now.current.isBusy || now.current.loaded?.key !== key) return;
    now.current.isBusy = true;
    void attempt(() => loadPage(next)).finally(() => {
      now.current.isBusy = false;
    });
  };

  /** In their places; what is gone stays to be seen until the list is asked for again. */
  const refresh = async (ids: readonly string[]): Promise<void> => {
    for (let from = 0; from < ids.length; from += PAGE_SIZE) {
      const some = ids.slice(from, from + PAGE_SIZE);
      const { features } = await listFeatures({ ids: some.join(","), limit: PAGE_SIZE });
      const fresh = new Map(features.map((feature) => [feature.featureId, feature]));
      setLoaded((before) => {
        if (before === undefined) return before;
        const rows = before.rows.map((row) => {
          const found = fresh.get(row.featureId);
          return found === undefined || isSame(row, found) ? row : found;
        });
        return rows.every((row, at) => row === before.rows[at]) ? before : { ...before, rows };
      });
    }
  };

  useEffect(() => {
    setOthers(new Set());
    now.current.isBusy = false;
    void attempt(() => loadPage(null));
  }, [key, count]);

  useEffect(() => {
    const changed = new Set<string>();
    let due: ReturnType<typeof setTimeout> | undefined;
    const soon = (ids: readonly string[]): void => {
      for (const id of ids) changed.add(id);
      due ??= setTimeout(() => {
        due = undefined;
        const known = new Set(now.current.loaded?.rows.map(({ featureId }) => featureId));
        const asked = [...changed];
        changed.clear();
        const unknown = asked.filter((id) => !known.has(id));
        if (unknown.length > 0) setOthers((before) => new Set([...before, ...unknown]));
        void attempt(() => refresh(asked.filter((id) => known.has(id))));
      }, TOGETHER_MS);
    };
    const end = listen((event) => {
      // Of a thousand features some are evaluated all the time: rows out of sight can wait until they are seen.
      if (event.kind === "change") soon([event.change.featureId]);
      else if (event.kind === "evaluation" && inSight().includes(event.evaluation.featureId))
        soon([event.evaluation.featureId]);
    });
    const timer = setInterval(() => soon(inSight()), EVERY_MS);
    let wasSilent = false;
    const endSilence = silentSinceMs.subscribe((since) => {
      if (wasSilent && since === null) soon(now.current.loaded?.rows.map(({ featureId }) => featureId) ?? []);
      wasSilent = since !== null;
    });
    return () => {
      end();
      endSilence();
      clearInterval(timer);
      clearTimeout(due);
    };
  }, []);

  return {
    loaded,
    failure,
    others: loaded?.next === null ? others.size : 0,
    more,
    reload: () => setCount((before) => before + 1),
  };
};
