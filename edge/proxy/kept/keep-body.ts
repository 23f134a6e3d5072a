// Keeps a page while it streams to its visitor: its headers as later visitors get them, and its bytes once they are whole.
import { toBase64Url } from "../../bytes.ts";
import { REVALIDATED } from "../caching.ts";
import type { Keepable } from "./freshness.ts";
import type { KeptPage } from "./page-memory.ts";

/** A larger page is not kept. */
export const MOST_PAGE_BYTES = 1_024 * 1_024;

/** Headers of one response, or of its bytes as they came: a later visitor gets others. */
const UNKEPT_HEADERS =
  /^(?:age|cache-control|cache-status|cdn-cache-control|cf-.*|cloudflare-cdn-cache-control|connection|content-encoding|content-length|date|etag|expires|keep-alive|last-modified|pragma|proxy-connection|server-timing|set-cookie|sluice-.*|surrogate-.*|trailer|transfer-encoding|upgrade|x-cache.*|accept-ranges|(?:content-|repr-)?digest|content-md5)$/;

export const keptHeaders = (headers: Headers, isGzipped: boolean): [string, string][] => {
  const kept = [...headers].filter(([name]) => !UNKEPT_HEADERS.test(name));
  const vary = headers.get("Vary") ?? "";
  if (isGzipped && !/accept-encoding|\*/i.test(vary)) kept.push(["Vary", "Accept-Encoding"]);
  kept.push(["Cache-Control", REVALIDATED]);
  return kept;
};

/** null: the body is too long. Rejects when it breaks off. */
const collect = async (body: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer> | null> => {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > MOST_PAGE_BYTES) {
      await reader.cancel();
      return null;
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
};

const gzip = async (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> => {
  const { body } = new Response(bytes);
  if (body === null) return bytes;
  return new Uint8Array(await new Response(body.pipeThrough(new CompressionStream("gzip"))).arrayBuffer());
};

const etagOf = async (key: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> => {
  const head = new TextEncoder().encode(`${key}\n`);
  const all = new Uint8Array(head.length + bytes.length);
  all.set(head);
  all.set(bytes, head.length);
  const digest = await crypto.subtle.digest("SHA-256", all);
  return `W/"${toBase64Url(new Uint8Array(digest).subarray(0, 15))}"`;
};

/**
 * The page that `response` brings, to be kept under `key`. `response` is edited and not compressed; `wasCompressed`: the
 * site compressed it. null: it is too long. Rejects when it breaks off.
 */
export const keepBody = async (
  response: Response,
  {
    key,
    keepable,
    wasCompressed,
    nowMs,
  }: { key: string; keepable: Keepable; wasCompressed: boolean; nowMs: number },
): Promise<KeptPage | null> => {
  const bytes = response.body === null ? new Uint8Array() : await collect(response.body);
  if (bytes === null) return null;
  const freshUntilMs = nowMs + keepable.freshMs;
  return {
    headers: keptHeaders(response.headers, wasCompressed),
    body: wasCompressed ? await gzip(bytes) : bytes,
    isGzipped: wasCompressed,
    etag: await etagOf(key, bytes),
    bornMs: nowMs - keepable.ageMs,
    freshUntilMs,
    staleUntilMs: freshUntilMs + keepable.staleMs,
    errorUntilMs: freshUntilMs + keepable.errorMs,
  };
};
