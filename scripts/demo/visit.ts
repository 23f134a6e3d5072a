// One visitor from the first page to the return: list, product, perhaps the checkout, perhaps back again later.
import { type Behaviour, type Mark, readMarks, sharesFor, type Temper } from "./behaviour.ts";
import { type CookieJar } from "./cookie-jar.ts";
import { type HttpClient, type PageRequest, type PageResponse } from "./http-client.ts";

type Step = "list" | "product" | "cart" | "checkout" | "thanks" | "return";

/** One answered (or failed) request of a visitor. Times are epoch milliseconds with a fraction. */
export type VisitorEvent = {
  readonly visitor: number;
  readonly step: Step;
  readonly startedAtMs: number;
  readonly ms: number;
} & (
  | {
      readonly type: "page";
      readonly status: number;
      /** What this page showed, as marks (see behaviour.ts). */
      readonly shown: readonly Mark[];
      readonly revision: number | undefined;
    }
  | { readonly type: "error"; readonly message: string }
);

export interface VisitParts {
  readonly visitor: number;
  readonly behaviour: Behaviour;
  readonly temper: Temper;
  readonly jar: CookieJar;
  readonly client: HttpClient;
  readonly onEvent: (event: VisitorEvent) => void;
  readonly now: () => number;
}

export interface FirstVisit {
  /** Everything that the visit's pages showed. */
  readonly shown: ReadonlySet<Mark>;
  readonly checkedOut: boolean;
  /** Undefined: will not come back. */
  readonly comesBackAfterMs: number | undefined;
}

/** A request failed and the visitor walked away; the event has told why. */
export class VisitBrokenOff extends Error {}

const PRODUCT_LINK = /href="(\/products\/[^"]+)"/g;

/** Sends one request with the visitor's cookies, keeps what comes back, and reports it. */
const load = async (
  parts: VisitParts,
  step: Step,
  request: Omit<PageRequest, "cookie">,
): Promise<PageResponse & { readonly shown: readonly Mark[] }> => {
  const { visitor, jar, client, onEvent, now } = parts;
  const startedAtMs = now();
  let response: PageResponse;
  try {
    response = await client.send({ ...request, cookie: jar.header() });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    onEvent({ type: "error", visitor, step, startedAtMs, ms: now() - startedAtMs, message });
    throw new VisitBrokenOff(message, { cause: error });
  }
  const endedAtMs = now();
  jar.keep(response.setCookies, endedAtMs);
  const shown = readMarks(response.body);
  const { status, revision } = response;
  onEvent({ type: "page", visitor, step, startedAtMs, ms: endedAtMs - startedAtMs, status, shown, revision });
  return { ...response, shown };
};

const lastPart = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** Buys by the button that the page offers: one click where it stands, else through the cart. True when thanked. */
const checkOut = async (parts: VisitParts, productPath: string, offersExpress: boolean): Promise<boolean> => {
  const form = { product: lastPart(productPath) };
  if (!offersExpress) await load(parts, "cart", { method: "POST", path: "/cart", form });
  const ordered = await load(parts, "checkout", {
    method: "POST",
    path: "/checkout",
    form: offersExpress ? form : { name: "A visitor" },
  });
  // Compared without query: a gate may add one. Anything else, the empty cart say, is no checkout.
  if (ordered.status !== 303 || ordered.location?.split("?")[0] !== "/thanks") return false;
  const thanks = await load(parts, "thanks", { method: "GET", path: "/thanks" });
  return thanks.status === 200;
};

/** The product on the list that this visitor is after, the same at every visit. */
const productOn = (list: string, { product }: Temper): string | undefined => {
  const links = [...new Set([...list.matchAll(PRODUCT_LINK)].map(([, path]) => String(path)))].toSorted();
  return links[Math.floor(product * links.length)];
};

/** Rejects with VisitBrokenOff when a request gets no answer. */
export const visit = async (parts: VisitParts): Promise<FirstVisit> => {
  const { behaviour, temper } = parts;
  const list = await load(parts, "list", { method: "GET", path: "/" });
  const productPath = productOn(list.body, temper);
  if (productPath === undefined) {
    return { shown: new Set(list.shown), checkedOut: false, comesBackAfterMs: undefined };
  }
  const product = await load(parts, "product", { method: "GET", path: productPath });
  const shown = new Set([...list.shown, ...product.shown]);
  const shares = sharesFor(behaviour, shown);
  const offersExpress = product.body.includes('action="/checkout"');
  const checkedOut = temper.checkout < shares.checkout && (await checkOut(parts, productPath, offersExpress));
  return {
    shown,
    checkedOut,
    comesBackAfterMs: temper.comeBack < shares.comeBack ? temper.comeBackAfterMs : undefined,
  };
};

/** Comes back to the list and looks at the product again. True when both pages came. */
export const returnVisit = async (parts: VisitParts): Promise<boolean> => {
  const list = await load(parts, "return", { method: "GET", path: "/" });
  const productPath = productOn(list.body, parts.temper);
  if (list.status !== 200 || productPath === undefined) return false;
  const product = await load(parts, "return", { method: "GET", path: productPath });
  return product.status === 200;
};
