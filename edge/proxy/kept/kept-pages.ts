// Pages that the edge keeps for a cohort. A page on a feature's route that the site lets shared caches keep is asked for
// once for all visitors of the same cohorts, edited once, and answered from here until it is too old or a feature on the
// route changes. No visitor gets a page of other cohorts: the cohorts are in the key, and the page was made for nobody.
import { makeWaitList, within, type WaitList } from "../../waiting.ts";
import type { WaitUntil } from "../../snapshot/cache.ts";
import { UNSHARED_FETCH } from "../caching.ts";
import { askForPage } from "../edit-page.ts";
import type { GatedRequest } from "../gate-request.ts";
import { ofSite } from "../respond.ts";
import type { UpstreamRequest } from "../upstream.ts";
import { toFill } from "./fill-request.ts";
import { keepableOf, type Keepable } from "./freshness.ts";
import { keepBody, keptHeaders } from "./keep-body.ts";
import { keptResponse } from "./kept-response.ts";
import { pageKey, pageUrl } from "./page-key.ts";
import type { KeptPage, PageMemory } from "./page-memory.ts";
import type { PageNotes } from "./page-notes.ts";
import type { PageStore } from "./page-store.ts";
import { asSent, type Served, type Site } from "./served.ts";

type Dependencies = {
  readonly upstreamUrl: string;
  readonly memory: PageMemory;
  readonly notes: PageNotes;
  /** null: the platform has none. */
  readonly store: () => PageStore | null;
  /** Whether there is a cache of the platform's between the gate and the site. */
  readonly passesCache: () => boolean;
  readonly fetchUpstream: (request: UpstreamRequest) => Promise<Response>;
  readonly now: () => number;
  readonly countFailure: (where: string, error: unknown) => void;
};

/** So long nobody asks again whether a URL's pages are kept: its page was not to be shared … */
const APART_MS = 60_000;
/** … or was, until it was asked for without the visitor's own headers. */
const PERSONAL_MS = 600_000;
/** A page that has not come by then is asked for by others too. */
const FILL_MS = 10_000;
/** So long a visitor waits for the same page that another is asking for. */
const SHARE_MS = 500;
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
  /** null: the request goes its usual way. No promise where the page lies in memory. */
  readonly serve: (gated: GatedRequest, site: Site, waitUntil: WaitUntil) => Served | Promise<Served> | null;
  readonly stats: () => KeptPagesStats;
};

/** One request for a page that may be kept. */
type Asked = {
  readonly gated: GatedRequest;
  readonly url: string;
  readonly site: Site;
  readonly waitUntil: WaitUntil;
};

/** Whether the page may be answered from here. Only what a feature concerns comes here. */
const mayBeKept = ({ incoming, evaluation, outcome, preview }: GatedRequest): boolean => {
  if (!evaluation.meetsAny || outcome.answer !== null || preview !== null) return false;
  const { method, headers, body } = incoming.request;
  if ((method !== "GET" && method !== "HEAD") || body !== null) return false;
  return !headers.has("Authorization") && !headers.has("Upgrade");
};

export const makeKeptPages = (dependencies: Dependencies): KeptPages => {
  const { upstreamUrl, memory, notes, store, passesCache, fetchUpstream, now, countFailure } = dependencies;
  const filling = new Map<string, { readonly sinceMs: number; readonly ended: WaitList }>();
  const counts = { hits: 0, stale: 0, fills: 0 };
  let askedInVain = 0;

  const serve: KeptPages["serve"] = (gated, site, waitUntil) => {
    if (!mayBeKept(gated)) return null;
    const url = pageUrl(gated.incoming);
    const note = notes.get(url, now());
    if (note?.kind === "apart") return null;
    const asked = { gated, url, site, waitUntil };
    return note === null ? learn(asked) : servePage(asked, note.vary);
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
    } else if (keepable.error.reason !== "status" || (response.status >= 400 && response.status < 500))
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
    return answerFrom(memory.get(key), asked, { key, vary }) ?? fetchPage(asked, { key, vary });
  };

  type Place = { readonly key: string; readonly vary: readonly string[] };

  /** null: there is no page, or it is too old. */
  const answerFrom = (page: KeptPage | undefined, asked: Asked, place: Place): Served | null => {
    const nowMs = now();
    if (page === undefined || (nowMs >= page.freshUntilMs && nowMs >= page.staleUntilMs)) return null;
    const isStale = nowMs >= page.freshUntilMs;
    if (isStale && !isBeingFilled(place.key)) asked.waitUntil(refresh(asked, place));
    return kept(page, asked, isStale);
  };

  const kept = (page: KeptPage, { gated, site }: Asked, isStale: boolean): Served => {
    counts[isStale ? "stale" : "hits"]++;
    const response = keptResponse(page, gated.incoming.request, { nowMs: now(), isStale });
    site.answeredHere(200);
    return { response, pageStatus: 200, isKept: true, isShareable: true, wasCompressed: false };
  };

  const isBeingFilled = (key: string): boolean => {
    const other = filling.get(key);
    return other !== undefined && now() - other.sinceMs < FILL_MS;
  };

  const fetchPage = async (asked: Asked, place: Place): Promise<Served> => {
    const { key } = place;
    const isHead = asked.gated.page.method === "HEAD";
    if (isBeingFilled(key)) await filling.get(key)?.ended.wait(SHARE_MS);
    const end = isHead ? ignore : begin(key);
    const found =
      answerFrom(memory.get(key), asked, place) ??
      answerFrom(await takeFromStore(asked.url, key), asked, place);
    if (found === null && !isHead) return fill(asked, place, end);
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

  const fillRequest = ({ gated, url }: Asked, { vary }: Place): UpstreamRequest => {
    const { header: features } = gated.evaluation;
    const { destination } = gated.outcome;
    const upstream = toFill(gated.incoming.request, url, { upstreamUrl, features, destination, vary });
    if (features !== "" && passesCache()) upstream.init.cf = UNSHARED_FETCH;
    return upstream;
  };

  const begin = (key: string): (() => void) => {
    const mine = { sinceMs: now(), ended: makeWaitList() };
    filling.set(key, mine);
    return () => {
      if (filling.get(key) === mine) filling.delete(key);
      mine.ended.wakeAll();
    };
  };

  /** The answer to a request that was made for nobody, if it may be kept under this key. */
  const keepableHere = (response: Response, { vary }: Place): Keepable | null => {
    const keepable = keepableOf(response);
    return keepable.ok && keepable.value.vary.every((name) => vary.includes(name)) ? keepable.value : null;
  };

  /** What was to be shared is not, or depends on more than was known. */
  const learnAnew = (response: Response, url: string, { vary }: Place): void => {
    const keepable = keepableOf(response);
    if (keepable.ok) notes.share(url, [...vary, ...keepable.value.vary]);
    else notes.setApart(url, now() + PERSONAL_MS);
  };

  /** `end`: others need not wait any longer. */
  const fill = async (asked: Asked, place: Place, end: () => void): Promise<Served> => {
    const { gated, url, site, waitUntil } = asked;
    let response: Response;
    try {
      response = await site.askToKeep(fillRequest(asked, place));
    } catch (error) {
      end();
      return answerOnError(asked, place) ?? Promise.reject(error);
    }
    if (response.status >= 500) {
      end();
      return answerOnError(asked, place) ?? asSent(withoutCookies(site.answered(response)));
    }
    const keepable = keepableHere(response, place);
    if (keepable === null) {
      learnAnew(response, url, place);
      end();
      await response.body?.cancel();
      return asSent(await site.askAsSent());
    }
    counts.fills++;
    const page = ofSite(site.answered(response), gated);
    const wasCompressed = response.headers.has("Content-Encoding");
    const [forVisitor, forKeeping] = page.body === null ? [null, null] : page.body.tee();
    const copy = new Response(forKeeping, { headers: page.headers });
    waitUntil(keep(copy, asked, { ...place, keepable, wasCompressed, end }));
    const headers = new Headers(keptHeaders(page.headers, false));
    headers.append("Cache-Status", "sluice; fwd=miss; stored");
    return {
      response: new Response(forVisitor, { headers }),
      pageStatus: 200,
      isKept: true,
      isShareable: true,
      wasCompressed,
    };
  };

  type Keeping = Place & {
    readonly keepable: Keepable;
    readonly wasCompressed: boolean;
    readonly end: () => void;
  };

  /** A page that breaks off is not kept. */
  const keep = async (copy: Response, { url }: Asked, keeping: Keeping): Promise<void> => {
    const nowMs = now();
    const page = await within(FILL_MS, keepBody(copy, { ...keeping, nowMs }), "page").catch(() => undefined);
    if (page === null) notes.setApart(url, now() + PERSONAL_MS);
    if (page !== null && page !== undefined) memory.set(keeping.key, page);
    keeping.end();
    if (page !== null && page !== undefined) await store()?.keepPage(url, keeping.key, page).catch(ignore);
  };

  const answerOnError = (asked: Asked, { key }: Place): Served | null => {
    const page = memory.get(key);
    return page !== undefined && now() < page.errorUntilMs ? kept(page, asked, true) : null;
  };

  /** The visitor has an older page already. */
  const refresh = async (asked: Asked, place: Place): Promise<void> => {
    const end = begin(place.key);
    try {
      const upstream = fillRequest(asked, place);
      const isEdited = asked.gated.outcome.edit !== null;
      const response = await (isEdited ? askForPage(upstream, fetchUpstream) : fetchUpstream(upstream));
      const keepable = keepableHere(response, place);
      if (keepable !== null) {
        counts.fills++;
        const wasCompressed = response.headers.has("Content-Encoding");
        const page = ofSite(response, asked.gated);
        await keep(page, asked, { ...place, keepable, wasCompressed, end });
        return;
      }
      await response.body?.cancel();
      if (response.status >= 500) return;
      learnAnew(response, asked.url, place);
      memory.remove(place.key);
    } catch (error) {
      countFailure("upstream", error);
    } finally {
      end();
    }
  };

  return { serve, stats: () => ({ ...memory.size(), ...counts }) };
};

const ignore = (): void => undefined;

/** The site answered nobody, so a cookie of its would take the visitor's own away. */
const withoutCookies = (response: Response): Response => {
  if (!response.headers.has("Set-Cookie")) return response;
  const without = new Response(response.body, response);
  without.headers.delete("Set-Cookie");
  return without;
};
