// Edits a page while it streams by. Only HTML is edited, and nothing of it is held back.
import type { FeatureId } from "../../shared/ids.ts";
import { REVALIDATED } from "./caching.ts";
import { makeReadable } from "./page-text.ts";
import type { UpstreamRequest } from "./upstream.ts";

export type PageEdit = {
  /** Features whose elements are shown (true), or removed or hidden (false). */
  readonly elements: ReadonlyMap<FeatureId, boolean>;
  /** For the page's scripts. */
  readonly flags: ReadonlyMap<FeatureId, boolean>;
};

/** Codings that the runtime can undo and do again around an edit. */
const CODINGS = ["gzip", "br"];
/** Headers that describe the unedited page's bytes, or would let a cache bring it back after the feature closed. */
const UNEDITED_HEADERS = [
  "Content-Length",
  "ETag",
  "Last-Modified",
  "Accept-Ranges",
  "Content-Encoding",
  "Content-Digest",
  "Repr-Digest",
  "Digest",
  "Content-MD5",
];

/** The browser's copy is of another state of the feature: the upstream must not confirm it. */
export const dropConditions = (headers: Headers): void => {
  headers.delete("If-None-Match");
  headers.delete("If-Modified-Since");
};

/** Whether the request may be for a page. Other requests keep their conditions and codings. */
const asksForPage = (headers: Headers): boolean => {
  const accept = headers.get("Accept");
  return accept === null || accept.includes("text/html") || accept.includes("*/*");
};

const dropRange = (headers: Headers): void => {
  headers.delete("Range");
  headers.delete("If-Range");
};

const limitCodings = (headers: Headers): void => {
  const accepted = headers.get("Accept-Encoding");
  if (accepted === null) return;
  const editable = CODINGS.filter((coding) => accepted.includes(coding));
  headers.set("Accept-Encoding", editable.length === 0 ? "identity" : editable.join(", "));
};

/**
 * A request whose answer may be edited: an older edit in the browser's cache must not be confirmed by the upstream's
 * 304, and the page must arrive whole and in a coding that can be edited. Media on the same route keep their ranges.
 */
export const preparePageRequest = (headers: Headers): void => {
  if (!asksForPage(headers)) return;
  if (headers.get("Accept")?.includes("text/html")) {
    dropConditions(headers);
    dropRange(headers);
  }
  limitCodings(headers);
};

export const isHtml = (headers: Headers): boolean =>
  headers.get("Content-Type")?.trimStart().toLowerCase().startsWith("text/html") === true;

const isWholeAndReadable = ({ status, headers }: Response): boolean => {
  const coding = headers.get("Content-Encoding")?.toLowerCase() ?? "identity";
  return status !== 206 && (coding === "identity" || CODINGS.includes(coding));
};

/**
 * The answer to a request whose page is edited. A page that came in part, or in a coding that cannot be read, is asked
 * for once more, whole and plain: as it came it would show what is closed. Only a GET can be repeated.
 */
export const askForPage = async (
  { to, init }: UpstreamRequest,
  fetchUpstream: (request: UpstreamRequest) => Promise<Response>,
): Promise<Response> => {
  const mayRepeat = typeof to === "string" && init.method === "GET";
  if (!mayRepeat) {
    dropRange(init.headers);
    limitCodings(init.headers);
  }
  const response = await fetchUpstream({ to, init });
  if (!mayRepeat || !isHtml(response.headers) || isWholeAndReadable(response)) return response;
  await response.body?.cancel();
  dropRange(init.headers);
  init.headers.set("Accept-Encoding", "identity");
  return fetchUpstream({ to, init });
};

/** The nonce that the page's own policy gives to scripts, if it gives one. */
const nonceOf = (policy: string | null): string | null => {
  const directives = (policy ?? "").split(/[;,]/).map((text) => text.trim());
  for (const name of ["script-src-elem", "script-src", "default-src"]) {
    const directive = directives.find((text) => text.toLowerCase().startsWith(`${name} `));
    if (directive !== undefined) return /'nonce-([A-Za-z0-9+/_=-]+)'/.exec(directive)?.[1] ?? null;
  }
  return null;
};

/** Inert JSON: `<` is escaped so that no feature id can end the element. */
const flagsElement = (flags: PageEdit["flags"], nonce: string | null): string => {
  const json = JSON.stringify(Object.fromEntries(flags)).replaceAll("<", "\\u003c");
  const attribute = nonce === null ? "" : ` nonce="${nonce}"`;
  return `<script type="application/json" id="sluice-flags"${attribute}>${json}</script>`;
};

/** An element may carry `hidden`, so that it stays hidden without the gate. Showing it removes that. */
const showOrRemove = (elements: ReadonlyMap<string, boolean>) => ({
  element: (element: Element): void => {
    const isOpen = elements.get(element.getAttribute("data-feature") ?? "");
    if (isOpen === true) element.removeAttribute("hidden");
    else if (isOpen === false) element.remove();
  },
});

/**
 * `<sluice-feature>` on a page that a framework hydrates: it takes attributes as they are, but not elements away. The
 * element's script (edge/routes/elements-script.ts) writes the same two.
 */
const markElement = (elements: ReadonlyMap<string, boolean>) => ({
  element: (element: Element): void => {
    const isOpen = elements.get(element.getAttribute("name") ?? "");
    if (isOpen === undefined) return;
    element.setAttribute("state", isOpen ? "open" : "closed");
    if (isOpen === element.hasAttribute("otherwise")) element.setAttribute("hidden", "");
    else element.removeAttribute("hidden");
  },
});

/** The edited page, streaming and not compressed; any other response as it is. */
export const editPage = (response: Response, { elements, flags }: PageEdit): Response => {
  if (!isHtml(response.headers) || !isWholeAndReadable(response)) return response;
  const headers = new Headers(response.headers);
  for (const name of UNEDITED_HEADERS) headers.delete(name);
  if (!(headers.get("Cache-Control")?.includes("no-store") ?? false))
    headers.set("Cache-Control", REVALIDATED);
  const { status, statusText, body } = response;
  if (body === null) return new Response(null, { status, statusText, headers });
  const rewriter = new HTMLRewriter();
  if (elements.size > 0)
    rewriter.on("[data-feature]", showOrRemove(elements)).on("sluice-feature", markElement(elements));
  if (flags.size > 0) {
    const html = flagsElement(flags, nonceOf(response.headers.get("Content-Security-Policy")));
    let isInserted = false;
    /** In the head, before the page's own scripts; in the body or at the end of a page that has no head. */
    const insertFlags = {
      element: (element: Element): void => {
        if (!isInserted) element.prepend(html, { html: true });
        isInserted = true;
      },
    };
    rewriter.on("head", insertFlags).on("body", insertFlags);
    rewriter.onDocument({
      end: (end) => {
        if (!isInserted) end.append(html, { html: true });
      },
    });
  }
  // Without a charset the rewriter takes what `makeReadable` gives it as it is.
  const readable = makeReadable(body, headers.get("Content-Type") ?? "");
  const edited = rewriter.transform(new Response(readable, { headers: { "Content-Type": "text/html" } }));
  return new Response(edited.body, { status, statusText, headers });
};
