// Pages that the edge keeps for a cohort. A page on a feature's route that the site lets shared caches keep is asked for
// once for all visitors of the same cohorts, edited once, and answered from here until it is too old or a feature on the
// route changes. No visitor gets a page of other cohorts: the cohorts are in the key, and the page was made for nobody.
import { within } from "../../waiting.ts";
import type { WaitUntil } from "../../snapshot/cache.ts";
import type { GatedRequest } from "../gate-request.ts";
import type { Asked, Filling, Place } from "./filling.ts";
import { keepableOf } from "./freshness.ts";
import { keptResponse } from "./kept-response.ts";
import { pageKey } from "./page-key.ts";
import type { KeptPage, PageMemory } from "./page-memory.ts";
import type { PageNotes } from "./page-notes.ts";
import type { PageStore } from "./page-store.ts";
import { asSent, type Served, type Site } from "./served.ts";

type Dependencies = {
  readonly memory: PageMemory;
  readonly notes: PageNotes;
  /** null: the platform has none. */
  readonly store: () => PageStore | null;
  readonly filling: Filling;
  readonly now: () => number;
};

/** So long nobody asks again whether a URL's pages are kept. */
const APART_MS = 60_000;
/** Other errors may be those of one visitor's request. */
const MISSING = new Set([404, 410]);
/** A store that takes longer is not waited for. */
const STORE_MS = 250;
/** Where the store knew nothing of so many URLs and this isolate neither, the site keeps no pages at all. */
const ASKED_IN_VAIN = 50;

export type KeptPagesStats = {
  readonly pages: number;
  readonly bytes: number;
  readonly hits: number;
  readonly stale: number;
  readonly fills: number;
};

export type KeptPages = {
  /** false: the request goes its usual way, as most do that have no page here. */
  readonly mayServe: (gated: GatedRequest) => boolean;
  /** For what `mayServe`. null: the request goes its usual way. No promise where the page lies in memory. */
  readonly serve: (gated: GatedRequest, site: Site, waitUntil: WaitUntil) => Served | Promise<Served> | null;
  readonly stats: () => KeptPagesStats;
};

/** Whether the page may be answered from here. Only what a feature concerns comes here. */
const mayBeKept = ({ evaluation, outcome, preview, page: { method } }: GatedRequest): boolean =>
  evaluation.meetsAny &&
  outcome.answer === null &&
  preview === null &&
  (method === "GET" || method === "HEAD");

/** Whether the request asks for more than a page. */
const isItsOwn = ({ headers, body }: Request): boolean =>
  body !== null || headers.has("Authorization") || headers.has("Upgrade");

export const makeKeptPages = ({ memory, notes, store, filling, now }: Dependencies): KeptPages => {
  const counts = { hits: 0, stale: 0 };
  let askedInVain = 0;

  const mayServe: KeptPages["mayServe"] = (gated) =>
    mayBeKept(gated) &&
    notes.get(gated.incoming.address.page, now())?.kind !== "apart" &&
    !isItsOwn(gated.incoming.request);

  const serve: KeptPages["serve"] = (gated, site, waitUntil) => {
    const url = gated.incoming.address.page;
    const note = notes.get(url, now());
    const asked = { gated, url, site, waitUntil };
    return note?.kind === "shared" ? servePage(asked, note.vary) : learn(asked);
  };

  /** Nothing is known of the URL in this isolate. Another may have learned it. */
  const learn = async (asked: Asked): Promise<Served> => {
    const { gated, url, site, waitUntil } = asked;
    const elsewhere = await noteElsewhere(url);
    if (elsewhere !== null) {
      notes.share(url, elsewhere);
      return (await servePage(asked, elsewhere)) ?? asSent(await site.askAsSent());
    }
    const response = await site.askAsSent();
    const keepable = keepableOf(response);
    if (gated.page.method === "HEAD") return asSent(response, keepable.ok);
    if (keepable.ok) {
      notes.share(url, keepable.value.vary);
      askedInVain = 0;
      const keeping = store()?.keepNote(url, keepable.value.vary);
      if (keeping !== undefined) waitUntil(keeping.catch(ignore));
    } else if (keepable.error.reason !== "status" || MISSING.has(response.status))
      notes.setApart(url, now() + APART_MS);
    return asSent(response, keepable.ok);
  };

  const noteElsewhere = async (url: string): Promise<readonly string[] | null> => {
    const pages = store();
    if (pages === null || askedInVain >= ASKED_IN_VAIN) return null;
    const vary = await within(STORE_MS, pages.findNote(url), "store").catch(() => null);
    askedInVain = vary === null ? askedInVain + 1 : 0;
    return vary;
  };

  /** null: the request is too much its own. */
  const servePage = (asked: Asked, vary: readonly string[]): Served | Promise<Served> | null => {
    const key = pageKey(asked.gated, asked.url, vary);
    if (key === null) return null;
    const found = answerFrom(memory.get(key), asked, { key, vary });
    if (found !== null) return found;
    return notes.get(key, now())?.kind === "apart" ? null : fetchPage(asked, { key, vary });
  };

  /** null: there is no page, or it is too old. */
  const answerFrom = (page: KeptPage | undefined, asked: Asked, place: Place): Served | null => {
    const nowMs = now();
    if (page === undefined || (nowMs >= page.freshUntilMs && nowMs >= page.staleUntilMs)) return null;
    const isStale = nowMs >= page.freshUntilMs;
    if (isStale && !filling.isBusy(place.key)) asked.waitUntil(filling.refresh(asked, place));
    return kept(page, asked, isStale);
  };

  const kept = (page: KeptPage, { gated, site }: Asked, isStale: boolean): Served => {
    counts[isStale ? "stale" : "hits"]++;
    const response = keptResponse(page, gated.incoming.request, { nowMs: now(), isStale });
    site.answeredHere(200);
    return { response, pageStatus: 200, isKept: true, isShareable: true, wasCompressed: false };
  };

  const fetchPage = async (asked: Asked, place: Place): Promise<Served> => {
    const { key } = place;
    const isHead = asked.gated.page.method === "HEAD";
    await filling.join(key);
    const end = isHead ? () => undefined : filling.begin(key);
    const found =
      answerFrom(memory.get(key), asked, place) ??
      answerFrom(await takeFromStore(asked.url, key), asked, place);
    if (found === null && !isHead)
      return filling.fill(asked, place, { end, older: () => olderPage(asked, key) });
    end();
    return found ?? asSent(await asked.site.askAsSent(), true);
  };

  const takeFromStore = async (url: string, key: string): Promise<KeptPage | undefined> => {
    const finding = store()?.findPage(url, key);
    if (finding === undefined) return undefined;
    const page = await within(STORE_MS, finding, "store").catch(() => null);
    if (page === null) return undefined;
    memory.set(key, page);
    return page;
  };

  /** null: there is none that may be shown where the site fails. */
  const olderPage = (asked: Asked, key: string): Served | null => {
    const page = memory.get(key);
    return page !== undefined && now() < page.errorUntilMs ? kept(page, asked, true) : null;
  };

  return { mayServe, serve, stats: () => ({ ...memory.size(), ...counts, fills: filling.count() }) };
};

const ignore = (): void => undefined;
