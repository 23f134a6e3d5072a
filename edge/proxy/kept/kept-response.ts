// A kept page as one visitor gets it: whole, in part, its head, or the word that the browser's copy is still right.
import { readsGzip } from "../compress-page.ts";
import type { KeptPage } from "./page-memory.ts";

/** Weak validators of both sides count as equal: a GET is not changed by them (RFC 9110, 13.1.2). */
const matches = (ifNoneMatch: string, etag: string): boolean =>
  ifNoneMatch.trim() === "*" || ifNoneMatch.split(",").some((each) => each.trim() === etag);

type Part = { readonly from: number; readonly to: number };

/** One range of bytes, its end not included; `none`: no byte of the page is in it; null: the page is answered whole. */
const partOf = (range: string | null, length: number): Part | "none" | null => {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(range?.trim() ?? "") ?? [];
  if (first === "" && last === "") return null;
  if (first === "") return last === "0" ? "none" : { from: Math.max(0, length - Number(last)), to: length };
  const to = last === "" ? length : Math.min(length, Number(last) + 1);
  if (Number(first) >= length) return "none";
  return Number(first) < to ? { from: Number(first), to } : null;
};

const plain = (page: KeptPage): BodyInit => {
  if (!page.isGzipped) return page.body;
  const body = new Response(page.body).body;
  return body === null ? "" : body.pipeThrough(new DecompressionStream("gzip"));
};

/** `isStale`: the page is asked for again meanwhile. */
export const keptResponse = (
  page: KeptPage,
  { method, headers: asked }: Request,
  { nowMs, isStale }: { nowMs: number; isStale: boolean },
): Response => {
  const headers = new Headers(page.headers);
  headers.set("ETag", page.etag);
  headers.set("Age", String(Math.max(0, Math.floor((nowMs - page.bornMs) / 1_000))));
  headers.append("Cache-Status", isStale ? "sluice; hit; detail=stale" : "sluice; hit");
  const ifNoneMatch = asked.get("If-None-Match");
  if (ifNoneMatch !== null && matches(ifNoneMatch, page.etag)) {
    headers.delete("Content-Type");
    return new Response(null, { status: 304, headers });
  }
  const isGzipped = page.isGzipped && readsGzip(asked.get("Accept-Encoding"));
  if (isGzipped) headers.set("Content-Encoding", "gzip");
  if (method === "HEAD") return new Response(null, { headers });
  if (isGzipped) return new Response(page.body, { headers, encodeBody: "manual" });
  const part = page.isGzipped || asked.has("If-Range") ? null : partOf(asked.get("Range"), page.body.length);
  if (part === null) return new Response(plain(page), { headers });
  if (part === "none") {
    headers.set("Content-Range", `bytes */${page.body.length}`);
    return new Response(null, { status: 416, headers });
  }
  headers.set("Content-Range", `bytes ${part.from}-${part.to - 1}/${page.body.length}`);
  return new Response(page.body.subarray(part.from, part.to), { status: 206, headers });
};
