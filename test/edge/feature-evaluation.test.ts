// test/spec/feature-evaluation.json over every surface that answers what a visitor gets of a feature: the page's request
// at the upstream, explain, OpenFeature, and the spans of the page and of a page event.
import { importJWK, SignJWT } from "jose";
import { afterEach, beforeAll, describe, expect, inject, test, vi } from "vitest";
import * as hmac from "../../edge/hmac.ts";
import { dayOf, makeCookies } from "../../edge/visitor/cookie.ts";
import { Replica } from "../../edge/worker.ts";
import { UnitId } from "../../shared/ids.ts";
import { KeyRing } from "../../shared/signing/key-ring.ts";
import specification from "../spec/feature-evaluation.json" with { type: "json" };
import { echoed, edge, feature, headerOf, nowSeconds, push, recorded, SERVER } from "./support/edge.ts";
import { previewToken } from "./support/preview-token.ts";

type Variant = "treatment" | "holdout";
type Case = {
  title: string;
  feature: Record<string, unknown>;
  unitId: string;
  preview?: boolean;
  stale?: boolean;
  page?: {
    path?: string;
    method?: string;
    headers?: Record<string, string>;
    country?: string;
    claims?: Record<string, unknown>;
  };
  expected: { state?: string; cohort: string; open: boolean; why: string; bucket?: null };
  header: Variant | null;
  flag: { value: boolean; variant: string; reason: string };
  exposure: Variant | null;
  activation: Variant | null;
};
const cases = specification as Case[];

const FEATURE = "feat_case";
/** Every visitor gets it. Its spans are the last of each case. */
const ALWAYS = feature("feat_always");
/** Closes with a stale snapshot. */
const CLOSES = feature("feat_closes", { failureMode: "closed" });

const cookies = makeCookies(KeyRing.parse("c2:cookie-secret-of-the-tests-0123456789abcdefghijklmnop"), hmac);

const cookieOf = async ({ unitId, preview }: Case): Promise<string> => {
  const visitor = { visitorId: UnitId.parse(unitId), captchaScore: null };
  const written = await cookies.write("http://shop.test/", visitor, dayOf(Date.now()));
  const token = await previewToken(FEATURE, { expires: nowSeconds() + 600 });
  return [written.split(";")[0], ...(preview === true ? [`sluice-preview=${token}`] : [])].join("; ");
};

const tokenOf = async (claims: Record<string, unknown>): Promise<string> =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: "ES256" })
    .setIssuer("https://login.shop.test")
    .setExpirationTime("5m")
    .sign(await importJWK(inject("tokenKey"), "ES256"));

let traces = 0;
const newTrace = (): { id: string; traceparent: string } => {
  const id = `${(++traces).toString(16).padStart(8, "0")}${"e".repeat(24)}`;
  return { id, traceparent: `00-${id}-${"f".repeat(16)}-01` };
};

type Span = { traceId: string; attributes: { key: string; value: Record<string, unknown> }[] };

/** The variants of the feature's spans in a trace: of exposures, or of activations. */
const variantsIn = async (traceId: string, { activated }: { activated: boolean }): Promise<unknown[]> =>
  (await recorded(traceId))
    .filter(({ url }) => url === "/v1/traces")
    .flatMap(({ body }): Span[] => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans)
    .filter((span) => span.traceId === traceId)
    .map(({ attributes }) =>
      Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
    )
    .filter(
      (named) =>
        named["feature_flag.key"] === FEATURE &&
        named["sluice.request"] === undefined &&
        (named["action_taken"] === true) === activated,
    )
    .map((named) => named["feature_flag.result.variant"]);

const explain = async (query: string, init: RequestInit): Promise<Record<string, unknown>[]> => {
  const response = await edge(`/.sluice/explain${query}`, init);
  return (await response.json<{ features: Record<string, unknown>[] }>()).features;
};

const isStale = async (): Promise<boolean> =>
  (await explain("", { headers: SERVER })).some(
    ({ featureId, why }) => featureId === "feat_closes" && why === "stale",
  );

let revision = 0;

const setUp = async ({ feature: fields, stale = false }: Case): Promise<void> => {
  await vi.waitUntil(async () => !(await isStale()), 20_000);
  await push({ revision: ++revision, full: true, features: [ALWAYS, CLOSES, feature(FEATURE, fields)] });
  if (!stale) return;
  vi.spyOn(Replica.prototype, "watch").mockRejectedValue(new Error("broken"));
  await vi.waitUntil(isStale, 20_000);
};

afterEach(() => {
  vi.restoreAllMocks();
});

beforeAll(async () => {
  await push({ revision: ++revision, full: true, features: [ALWAYS, CLOSES] });
});

describe.each(cases)("$title", (each) => {
  const { path = "/", method = "GET", headers: given = {}, country, claims } = each.page ?? {};

  test("page, explain, OpenFeature client and page event agree", async () => {
    await setUp(each);
    const headers = {
      ...given,
      Cookie: await cookieOf(each),
      ...(claims === undefined ? {} : { Authorization: `Bearer ${await tokenOf(claims)}` }),
    };
    const cf = country === undefined ? {} : { country };
    const [page, event, last] = [newTrace(), newTrace(), newTrace()];

    const seen = await echoed(
      await edge(path, { method, headers: { ...headers, traceparent: page.traceparent }, cf }),
    );
    const told = headerOf(seen, "Sluice-Features")?.split(", ") ?? [];
    expect(told.filter((text) => text.startsWith(`${FEATURE}=`))).toEqual(
      each.header === null ? [] : [`${FEATURE}=${each.header}`],
    );

    const query = `?path=${encodeURIComponent(path)}&method=${method}`;
    const explained = (await explain(query, { headers, cf })).find(({ featureId }) => featureId === FEATURE);
    expect(explained).toMatchObject({ state: "open", ...each.expected });

    const flag = await edge(`/.sluice/ofrep/v1/evaluate/flags/${FEATURE}`, {
      method: "POST",
      headers,
      cf,
      body: JSON.stringify({ context: { path } }),
    });
    expect(await flag.json()).toMatchObject(each.flag);

    const sent = await edge("/.sluice/events", {
      method: "POST",
      headers: { ...headers, Origin: "http://shop.test", traceparent: event.traceparent },
      body: JSON.stringify({ type: "activation", featureId: FEATURE }),
    });
    expect(sent.status).toBe(204);

    await edge("/", { headers: { traceparent: last.traceparent } });
    await vi.waitUntil(async () => (await recorded(last.id)).length > 0, 10_000);
    expect(await variantsIn(page.id, { activated: false })).toEqual(
      each.exposure === null ? [] : [each.exposure],
    );
    expect(await variantsIn(event.id, { activated: true })).toEqual(
      each.activation === null ? [] : [each.activation],
    );
  });
});
