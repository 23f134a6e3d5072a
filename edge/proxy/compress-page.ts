// Compresses an edited page while it streams. The runtime's own compression holds a page back until it is complete: its
// first bytes came after 1.5 s where the page's had come after 12 ms.
import { constants, createGzip } from "node:zlib";

/** Whether the visitor reads gzip. */
export const readsGzip = (acceptEncoding: string | null): boolean => {
  const accepted = (acceptEncoding ?? "")
    .toLowerCase()
    .split(",")
    .map((text) => text.trim());
  const gzip =
    accepted.find((text) => /^(?:x-)?gzip\b/.test(text)) ?? accepted.find((text) => text.startsWith("*"));
  return gzip !== undefined && !/;\s*q=0(?:\.0*)?$/.test(gzip);
};

/** Each chunk leaves when it has come. */
const makeGzip = (): TransformStream<Uint8Array, Uint8Array> => {
  const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH });
  return new TransformStream<Uint8Array, Uint8Array>({
    start: (controller) => {
      gzip.on("data", (chunk: Uint8Array) => controller.enqueue(chunk));
      gzip.on("error", (error) => controller.error(error));
    },
    transform: (chunk) =>
      new Promise((resolve, reject) => {
        gzip.write(chunk, (error) => (error ? reject(error) : resolve()));
      }),
    flush: () =>
      new Promise((resolve) => {
        gzip.once("end", resolve);
        gzip.end();
      }),
  });
};

/** `response` is an edited page, which is not compressed. It must not be copied afterwards. */
export const compressPage = (response: Response, acceptEncoding: string | null): Response => {
  const { body, status, statusText } = response;
  if (body === null || !readsGzip(acceptEncoding) || response.headers.has("Content-Encoding"))
    return response;
  const headers = new Headers(response.headers);
  headers.set("Content-Encoding", "gzip");
  if (!/accept-encoding|\*/i.test(headers.get("Vary") ?? "")) headers.append("Vary", "Accept-Encoding");
  return new Response(body.pipeThrough(makeGzip()), { status, statusText, headers, encodeBody: "manual" });
};
