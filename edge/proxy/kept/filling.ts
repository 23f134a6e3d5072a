// Asks the site for a page to keep it: for a visitor who waits for it, or behind the back of one who got an older page. Others
// who want the same page meanwhile wait a moment for it.
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
import type { KeptPage, PageMemory } from "./page-memory.ts";
import type { PageNotes } from "./page-notes.ts";
import type { PageStore } from "./page-store.ts";
import { asSent, type Served, type Site } from "./served.ts";

/** One request for a page that may be kept. */
export type Asked = {
  readonly gated: GatedRequest;
  readonly url: string;
  readonly site: Site;
  readonly waitUntil: WaitUntil;
};

/** Where a page is kept, and the request headers in that key. */
export type Place = { readonly key: string; readonly vary: readonly string[] };

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

/** So long a page is left alone that was shared until it was asked for without the visitor's own headers … */
const PERSONAL_MS = 600_000;
/** … or that failed in this way. The visitor's own request may fare better. */
const FAILED_MS = 5_000;
/** A page that has not come by then is asked for by others too. */
const FILL_MS = 10_000;
/** So long a visitor waits for the same page that another is asking for. */
const SHARE_MS = 500;

export type Filling = {
  /** Whether somebody is asking for the page. */
  readonly isBusy: (key: string) => boolean;
  /** Resolves when the page is there, another way has to be found, or it takes too long. */
  readonly join: (key: string) => Promise<void>;
  /** From now on others wait for the page, until the returned function is called. */
  readonly begin: (key: string) => () => void;
  /** `end`: see `begin`. `older`: what the visitor gets where the site fails; null: the failure. */
  readonly fill: (
    asked: Asked,
    place: Place,
    on: { readonly end: () => void; readonly older: () => Served | null },
  ) => Promise<Served>;
  /** The visitor has an older page already. */
  readonly refresh: (asked: Asked, place: Place) => Promise<void>;
  /** Pages that came to be kept. */
  readonly count: () => number;
};

export const makeFilling = (dependencies: Dependencies): Filling => {
  const { upstreamUrl, memory, notes, store, passesCache, fetchUpstream, now, countFailure } = dependencies;
  const busy = new Map<string, { readonly sinceMs: number; readonly ended: WaitList }>();
  let fills = 0;

  const isBusy: Filling["isBusy"] = (key) => {
    const other = busy.get(key);
    return other !== undefined && now() - other.sinceMs < FILL_MS;
  };

  const join: Filling["join"] = async (key) => {
    if (isBusy(key)) await busy.get(key)?.ended.wait(SHARE_MS);
  };

  const begin: Filling["begin"] = (key) => {
    const mine = { sinceMs: now(), ended: makeWaitList() };
    busy.set(key, mine);
    return () => {
      if (busy.get(key) === mine) busy.delete(key);
      mine.ended.wakeAll();
    };
  };

  const fillRequest = ({ gated, url }: Asked, { vary }: Place): UpstreamRequest => {
    const { header: features } = gated.evaluation;
    const { destination } = gated.outcome;
    const upstream = toFill(gated.incoming.request, url, { upstreamUrl, features, destination, vary });
    if (features !== "" && passesCache()) upstream.init.cf = UNSHARED_FETCH;
    return upstream;
  };

  /** The answer to a request that was made for nobody, if it may be kept under this key. */
  const keepableHere = (response: Response, { vary }: Place): Keepable | null => {
    const keepable = keepableOf(response);
    return keepable.ok && keepable.value.vary.every((name) => vary.includes(name)) ? keepable.value : null;
  };

  /**
   * What was to be shared is not, or depends on more than was known. It may depend on what this visitor has sent, so only
   * those are concerned who send the same.
   */
  const learnAnew = (response: Response, url: string, { key, vary }: Place): void => {
    const keepable = keepableOf(response);
    if (keepable.ok) notes.share(url, [...vary, ...keepable.value.vary]);
    else notes.setApart(key, now() + PERSONAL_MS);
  };

  const fill: Filling["fill"] = async (asked, place, { end, older }) => {
    const { gated, url, site, waitUntil } = asked;
    let response: Response;
    try {
      response = await site.askToKeep(fillRequest(asked, place));
    } catch (error) {
      end();
      return older() ?? Promise.reject(error);
    }
    if (response.status >= 500) {
      end();
      const page = older();
      if (page !== null) return page;
      notes.setApart(place.key, now() + FAILED_MS);
      return asSent(withoutCookies(site.answered(response)));
    }
    const keepable = keepableHere(response, place);
    if (keepable === null) {
      learnAnew(response, url, place);
      end();
      await response.body?.cancel();
      return asSent(await site.askAsSent());
    }
    fills++;
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
    else if (page !== undefined) memory.set(keeping.key, page);
    keeping.end();
    await storePage(url, keeping.key, page);
  };

  const storePage = async (url: string, key: string, page: KeptPage | null | undefined): Promise<void> => {
    if (page !== null && page !== undefined) await store()?.keepPage(url, key, page).catch(ignore);
  };

  const refresh: Filling["refresh"] = async (asked, place) => {
    const end = begin(place.key);
    try {
      const upstream = fillRequest(asked, place);
      const isEdited = asked.gated.outcome.edit !== null;
      const response = await (isEdited ? askForPage(upstream, fetchUpstream) : fetchUpstream(upstream));
      const keepable = keepableHere(response, place);
      if (keepable !== null) {
        fills++;
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

  return { isBusy, join, begin, fill, refresh, count: () => fills };
};

const ignore = (): void => undefined;

/** The site answered nobody, so a cookie of its would take the visitor's own away. */
const withoutCookies = (response: Response): Response => {
  if (!response.headers.has("Set-Cookie")) return response;
  const without = new Response(response.body, response);
  without.headers.delete("Set-Cookie");
  return without;
};
