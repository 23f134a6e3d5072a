// A visitor's request with the parts that several stages read. Each look at a part of a request is a call of the runtime,
// and each string that it gives is new (0.1 to 0.3 µs, measured), so these are read once. Where its URL leads is read once for
// all requests that name the same.
import { canonicalPath, isUnreadable } from "../shared/features/canonical-path.ts";

export type Address = {
  readonly url: string;
  /** Scheme, host and port. */
  readonly origin: string;
  readonly scheme: string;
  /** With its port, if the URL has one. */
  readonly host: string;
  readonly sentPath: string;
  /** In its canonical form: it is compared, and it is sent. */
  readonly path: string;
  /** No two servers need agree on what the path means. */
  readonly isUnreadable: boolean;
  /** The canonical path with all that is behind it. */
  readonly target: string;
  /** The page's own address: with the canonical path and the query. */
  readonly page: string;
};

/** Where the path begins in an absolute URL. */
export const pathStart = (url: string): number => {
  const at = url.indexOf("/", url.indexOf("//") + 2);
  return at < 0 ? url.length : at;
};

export const addressOf = (url: string): Address => {
  const begin = pathStart(url);
  const query = url.indexOf("?", begin);
  const fragment = url.indexOf("#", begin);
  const end = fragment < 0 ? url.length : fragment;
  const origin = url.slice(0, begin);
  const scheme = url.indexOf(":");
  const sentPath = (query < 0 ? url.slice(begin) : url.slice(begin, query)) || "/";
  const path = canonicalPath(sentPath);
  return {
    url,
    origin,
    scheme: url.slice(0, scheme),
    host: url.slice(scheme + 3, begin),
    sentPath,
    path,
    isUnreadable: isUnreadable(path),
    target: query < 0 ? path : path + url.slice(query),
    page: origin + path + (query < 0 || query > end ? "" : url.slice(query, end)),
  };
};

/** Two generations of this many addresses are remembered. */
const GENERATION = 1_000;
/** A longer one is read anew each time, as is one with a query: of those there are too many. */
const LONGEST = 500;

export type ReadAddress = (url: string) => Address;

export const makeReadAddress = (): ReadAddress => {
  let young = new Map<string, Address>();
  let old = new Map<string, Address>();

  const remember = (address: Address): void => {
    if (young.size >= GENERATION) {
      old = young;
      young = new Map();
    }
    young.set(address.url, address);
  };

  return (url) => {
    const known = young.get(url);
    if (known !== undefined) return known;
    const address = old.get(url) ?? addressOf(url);
    if (url.length <= LONGEST && !url.includes("?")) remember(address);
    return address;
  };
};

/** What is needed to pass a request on. */
export type SentRequest = {
  readonly request: Request;
  readonly address: Address;
};

export type IncomingRequest = SentRequest & {
  readonly url: string;
  /** In its canonical form: it is compared, and it is sent. */
  readonly path: string;
  readonly method: string;
  readonly headers: Headers;
  /** The Cookie header. */
  readonly cookies: string | null;
};

export const readIncoming = (request: Request, address = addressOf(request.url)): IncomingRequest => {
  const { url, path } = address;
  const { method, headers } = request;
  return { request, address, url, path, method, headers, cookies: headers.get("Cookie") };
};
