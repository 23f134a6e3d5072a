// A visitor and an origin, as the edge sees them.
import { exports } from "cloudflare:workers";
import { inject } from "vitest";
import { sign } from "../../../edge/hmac.ts";
import { formatSignature, signedText } from "../../../shared/signing/push-signature.ts";

export const PUSH_KEY = { kid: "new", secret: "push-secret-of-the-tests-0123456789abcdefghijklmnop" };
export const OLD_PUSH_KEY = { kid: "old", secret: "older-push-secret-of-tests-0123456789abcdefghijklmnop" };

/** Of a server that may ask for others. */
export const SERVER = { "X-API-Key": "server-key-of-the-tests-0123456789abcdefghijklmnop" };

const BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/** A browser's request, unless its headers name another User-Agent (an empty one: a client that does not name itself). */
export const edge = (path: string, init: RequestInit = {}, scheme = "http"): Promise<Response> => {
  const request = new Request(`${scheme}://shop.test${path}`, { redirect: "manual", ...init });
  if (!request.headers.has("User-Agent")) request.headers.set("User-Agent", BROWSER);
  return exports.default.fetch(request);
};

export const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

export const push = async (
  message: unknown,
  { key = PUSH_KEY, timestamp = nowSeconds(), tamper = (body: string) => body } = {},
): Promise<Response> => {
  const body = JSON.stringify(message);
  const headers = await signatureOf(body, { key, timestamp });
  return edge("/.sluice/push", { method: "POST", headers, body: tamper(body) });
};

/** The headers of a push, as an origin sends them that does not know Sluice-Sender. */
export const signatureOf = async (
  body: string,
  { key = PUSH_KEY, timestamp = nowSeconds() } = {},
): Promise<{ "Sluice-Signature": string }> => {
  const mac = hex(await sign(key.secret, signedText(timestamp, body)));
  return { "Sluice-Signature": formatSignature({ timestamp, kid: key.kid, mac }) };
};

export const feature = (featureId: string, fields: Record<string, unknown> = {}) => ({
  featureId,
  enabled: true,
  rolloutBps: 10_000,
  version: 1,
  ...fields,
});

export type Recorded = { method: string; url: string; headers: [string, string][]; body: string };

/** Requests that reached the outside and contain the text in their URL or body. */
export const recorded = async (containing: string): Promise<Recorded[]> => {
  const url = `${inject("outsideUrl")}/.recorded?containing=${encodeURIComponent(containing)}`;
  return (await fetch(url)).json();
};

/** What the upstream was sent: its echo page answers with it. */
export const echoed = async (response: Response): Promise<Recorded> => response.json();

export const headerOf = (seen: Recorded, name: string): string | null =>
  seen.headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1] ?? null;

/** The Cookie header for the next request, from a response's Set-Cookie. */
export const cookieOf = (response: Response): string => {
  const set = response.headers.getSetCookie().find((line) => /^(__Host-)?sluice=/.test(line));
  if (set === undefined) throw new Error("no Sluice cookie was set");
  return set.split(";")[0] ?? "";
};
