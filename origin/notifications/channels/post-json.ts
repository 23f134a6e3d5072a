// Posts to a target's URL. With node:http rather than fetch(), because a connection gets its addresses from a look-up of ours;
// redirects are never followed, and of an answer only its first bytes are read.
import { lookup as resolveName } from "node:dns";
import { request as requestHttp, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { guardedLookup, readTargetUrl, type AllowedHosts } from "./address-guard.ts";
import type { HttpAnswer } from "./outcome.ts";

const MOST_BYTES = 4_096;

const readStart = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MOST_BYTES) break;
  }
  response.destroy();
  return Buffer.concat(chunks).subarray(0, MOST_BYTES).toString();
};

/** Throws when there is no answer: no such host, an address that is not allowed, refused, reset, `signal` aborted. */
export type PostJson = (request: {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
  signal: AbortSignal;
}) => Promise<HttpAnswer>;

export const makePostJson = (
  allowed: AllowedHosts,
  resolve: Parameters<typeof guardedLookup>[1] = resolveName,
): PostJson => {
  const lookup = guardedLookup(allowed, resolve);
  return async ({ url: text, headers, body, signal }) => {
    // Once more: an address without a name is not looked up, and what is allowed may have changed.
    const url = readTargetUrl(text, allowed);
    if (!url.ok) throw new Error(`the URL ${url.error}`);
    const send = url.value.protocol === "https:" ? requestHttps : requestHttp;
    const response = await new Promise<IncomingMessage>((resolveAnswer, reject) => {
      const request = send(url.value, {
        method: "POST",
        agent: false,
        lookup,
        signal,
        headers: {
          "content-type": "application/json",
          "content-length": String(Buffer.byteLength(body)),
          "user-agent": "Sluice",
          ...headers,
        },
      });
      request.on("response", resolveAnswer);
      request.on("error", reject);
      request.end(body);
    });
    const retryAfter = response.headers["retry-after"] ?? null;
    return { status: response.statusCode ?? 0, retryAfter, text: await readStart(response) };
  };
};
