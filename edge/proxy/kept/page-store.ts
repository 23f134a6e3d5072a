// Kept pages beyond one isolate: Cloudflare's Cache API, one store for each data centre. A page lies there as one opaque
// piece with its key in it, so that the platform neither decodes nor edits it, and a page under a wrong name is no page.
import { toBase64Url } from "../../bytes.ts";
import type { KeptPage } from "./page-memory.ts";

type Stored = {
  readonly key: string;
  readonly vary?: readonly string[];
  readonly page?: Omit<KeptPage, "body">;
};

const LENGTH_BYTES = 4;
/** For how long other isolates believe what one has learned of a URL. */
const NOTE_S = 86_400;

const encode = (stored: Stored, body: Uint8Array): Uint8Array<ArrayBuffer> => {
  const head = new TextEncoder().encode(JSON.stringify(stored));
  const bytes = new Uint8Array(LENGTH_BYTES + head.length + body.length);
  new DataView(bytes.buffer).setUint32(0, head.length);
  bytes.set(head, LENGTH_BYTES);
  bytes.set(body, LENGTH_BYTES + head.length);
  return bytes;
};

const decode = (bytes: Uint8Array<ArrayBuffer>): { stored: Stored; body: Uint8Array<ArrayBuffer> } => {
  const bodyAt = LENGTH_BYTES + new DataView(bytes.buffer).getUint32(0);
  const head = new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, bodyAt));
  return { stored: JSON.parse(head), body: bytes.subarray(bodyAt) };
};

const nameOf = async (url: string, key: string): Promise<string> => {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  return `${new URL(url).origin}/.sluice/kept/${toBase64Url(new Uint8Array(digest))}`;
};

export type PageStore = {
  readonly findPage: (url: string, key: string) => Promise<KeptPage | null>;
  readonly keepPage: (url: string, key: string, page: KeptPage) => Promise<void>;
  /** The request headers by which pages of the URL differ; null: none of them is known to be kept. */
  readonly findNote: (url: string) => Promise<readonly string[] | null>;
  readonly keepNote: (url: string, vary: readonly string[]) => Promise<void>;
};

type PlatformCache = Pick<Cache, "match" | "put">;

export const makePageStore = (open: () => Promise<PlatformCache>, now: () => number): PageStore => {
  const find = async (url: string, key: string): Promise<ReturnType<typeof decode> | null> => {
    const found = await (await open()).match(await nameOf(url, key));
    if (found === undefined) return null;
    const { stored, body } = decode(new Uint8Array(await found.arrayBuffer()));
    return stored.key === key ? { stored, body } : null;
  };

  const keep = async (url: string, stored: Stored, body: Uint8Array, seconds: number): Promise<void> => {
    const headers = { "Content-Type": "application/octet-stream", "Cache-Control": `s-maxage=${seconds}` };
    await (await open()).put(await nameOf(url, stored.key), new Response(encode(stored, body), { headers }));
  };

  const noteKey = (url: string): string => `note ${url}`;

  return {
    findPage: async (url, key) => {
      const found = await find(url, key);
      return found?.stored.page === undefined ? null : { ...found.stored.page, body: found.body };
    },
    keepPage: async (url, key, { body, ...page }) => {
      const untilMs = Math.max(page.freshUntilMs, page.staleUntilMs, page.errorUntilMs);
      await keep(url, { key, page }, body, Math.ceil((untilMs - now()) / 1_000));
    },
    findNote: async (url) => (await find(url, noteKey(url)))?.stored.vary ?? null,
    keepNote: (url, vary) => keep(url, { key: noteKey(url), vary }, new Uint8Array(), NOTE_S),
  };
};
