// How a request reaches the site, and what comes of it.
import type { UpstreamRequest } from "../upstream.ts";

export type Site = {
  /** As the visitor sent it. */
  readonly askAsSent: () => Promise<Response>;
  /** For nobody in particular. */
  readonly askToKeep: (upstream: UpstreamRequest) => Promise<Response>;
  /** The response is the visitor's: how long they wait for it is evidence. */
  readonly answered: (response: Response) => Response;
  /** The edge has answered by itself. */
  readonly answeredHere: (status: number) => void;
  /** It could not be reached. */
  readonly hasFailed: () => boolean;
};

/** What the visitor gets. */
export type Served = {
  readonly response: Response;
  /** Of the page, also where the browser is told that its copy is right. */
  readonly pageStatus: number;
  /** The page is kept, or on its way to be. */
  readonly isKept: boolean;
  /** The site says that the page may be shared. */
  readonly isShareable: boolean;
  /** A kept page comes plain although the site compresses it. */
  readonly wasCompressed: boolean;
};

/** The answer to the visitor's own request. */
export const asSent = (response: Response, isShareable = false): Served => ({
  response,
  pageStatus: response.status,
  isKept: false,
  isShareable,
  wasCompressed: false,
});
