// The pages that an isolate holds in memory, bounded by their bytes. Whatever was not asked for longest goes first.

export type KeptPage = {
  /** As visitors get them, but for what depends on the visitor. */
  readonly headers: [string, string][];
  /** Compressed with gzip if `isGzipped`. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly isGzipped: boolean;
  /** Of the page and its key. */
  readonly etag: string;
  /** When it was as new as can be, by its age when it came. */
  readonly bornMs: number;
  readonly freshUntilMs: number;
  /** Later than `freshUntilMs`: it may be answered with while it is asked for again. */
  readonly staleUntilMs: number;
  /** It may be answered with where the upstream fails. */
  readonly errorUntilMs: number;
};

/** The isolate has 128 MB for everything. */
const MOST_BYTES = 16 * 1_024 * 1_024;
/** A page's own headers and its place, roughly. */
const OVERHEAD = 2_048;

const bytesOf = (key: string, { body }: KeptPage): number => body.byteLength + 2 * key.length + OVERHEAD;

export type PageMemory = {
  readonly get: (key: string) => KeptPage | undefined;
  readonly set: (key: string, page: KeptPage) => void;
  readonly remove: (key: string) => void;
  readonly size: () => { readonly pages: number; readonly bytes: number };
};

export const makePageMemory = (mostBytes = MOST_BYTES): PageMemory => {
  const pages = new Map<string, KeptPage>();
  let bytes = 0;

  const remove = (key: string): void => {
    const page = pages.get(key);
    if (page === undefined) return;
    bytes -= bytesOf(key, page);
    pages.delete(key);
  };

  return {
    get: (key) => {
      const page = pages.get(key);
      if (page === undefined) return undefined;
      pages.delete(key);
      pages.set(key, page);
      return page;
    },
    set: (key, page) => {
      remove(key);
      pages.set(key, page);
      bytes += bytesOf(key, page);
      for (const oldest of pages.keys()) {
        if (bytes <= mostBytes) break;
        remove(oldest);
      }
    },
    remove,
    size: () => ({ pages: pages.size, bytes }),
  };
};
