// Pages that the gate edits, from a site that answers as it is asked: in parts, compressed, in any encoding, slowly. What
// is closed is in none of them, and nothing waits for the end of a page.
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type ServerResponse,
} from "node:http";
import {
  brotliCompressSync,
  constants,
  createGunzip,
  createGzip,
  deflateSync,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { listenOnLoopback } from "../support/listen.ts";

const PAGE =
  '<!doctype html><html><head><title>é</title></head><body><p data-feature="feat_new" hidden>closed</p><p>always</p></body></html>';
const MEDIA = "0123456789";
const SLOW_MS = 1_000;

const CODINGS: Record<string, (page: Buffer) => Buffer> = {
  gzip: (page) => gzipSync(page),
  br: (page) => brotliCompressSync(page),
  zstd: (page) => zstdCompressSync(page),
  deflate: (page) => deflateSync(page),
};

const asked: { method: string; url: string; headers: IncomingHttpHeaders }[] = [];

/** A page of two halves, with a second between them. */
const answerSlowly = (response: ServerResponse, isGzipped: boolean): void => {
  const sent = isGzipped ? createGzip() : response;
  response.writeHead(200, {
    "Content-Type": "text/html; charset=utf-8",
    ...(isGzipped ? { "Content-Encoding": "gzip" } : {}),
  });
  if (isGzipped) createPipe(sent, response);
  sent.write(PAGE.slice(0, -14));
  if ("flush" in sent) sent.flush(constants.Z_SYNC_FLUSH);
  setTimeout(() => sent.end(PAGE.slice(-14)), SLOW_MS);
};

const createPipe = (from: NodeJS.WritableStream, to: ServerResponse): void => {
  if ("pipe" in from && typeof from.pipe === "function") from.pipe(to);
};

const site = createServer((request, response) => {
  const { method = "", url = "", headers } = request;
  asked.push({ method, url, headers });
  const { pathname, searchParams } = new URL(url, "http://site");
  if (pathname === "/slow")
    return answerSlowly(response, String(headers["accept-encoding"]).includes("gzip"));
  const type = searchParams.get("type") ?? "text/html; charset=utf-8";
  const hex = searchParams.get("hex");
  const page =
    pathname === "/media" ? Buffer.from(MEDIA) : hex === null ? Buffer.from(PAGE) : Buffer.from(hex, "hex");
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "");
  const coding = Object.keys(CODINGS).find(
    (name) => String(headers["accept-encoding"]).split(/, */)[0] === name,
  );
  if (range !== null) {
    const part = page.subarray(Number(range[1]), range[2] === "" ? undefined : Number(range[2]) + 1);
    return response
      .writeHead(206, {
        "Content-Type": pathname === "/media" ? "video/mp4" : type,
        "Content-Range": `bytes ${range[1]}-/${page.length}`,
      })
      .end(part);
  }
  const encode = coding === undefined ? undefined : CODINGS[coding];
  return response
    .writeHead(200, {
      "Content-Type": pathname === "/media" ? "video/mp4" : type,
      ...(coding === undefined ? {} : { "Content-Encoding": coding }),
    })
    .end(encode === undefined ? page : encode(page));
});

let edge: TestEdge;
beforeAll(async () => {
  const { url } = await listenOnLoopback(site);
  edge = await startTestEdge({ UPSTREAM_URL: url });
  const gate = { html: { elements: true, flags: true } };
  const feature = { featureId: "feat_new", enabled: false, rolloutBps: 0, version: 1, gate };
  expect((await edge.push({ revision: 1, full: true, features: [feature] })).status).toBe(200);
});
afterAll(async () => {
  await edge.stop();
  site.closeAllConnections();
  site.close();
});

type Got = { status: number; headers: IncomingHttpHeaders; body: Buffer; firstTextMs: number };

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/** Bytes as they come, and when the first text of the page could be read. */
const get = (path: string, headers: IncomingHttpHeaders = {}, method = "GET"): Promise<Got> =>
  new Promise((resolve, reject) => {
    const begun = performance.now();
    const named = { "user-agent": FIREFOX, ...headers };
    const sent = httpRequest(edge.url + path, { method, headers: named }, (response) => {
      const chunks: Buffer[] = [];
      let firstTextMs = Number.POSITIVE_INFINITY;
      const notice = (text: Buffer): void => {
        if (text.includes("always")) firstTextMs = Math.min(firstTextMs, performance.now() - begun);
      };
      const gunzip =
        response.headers["content-encoding"] === "gzip"
          ? createGunzip().on("data", notice).on("error", reject)
          : null;
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (gunzip === null) notice(chunk);
        else gunzip.write(chunk);
      });
      response.on("error", reject).on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
          firstTextMs,
        }),
      );
    });
    sent.on("error", reject).end();
  });

const textOf = ({ headers, body }: Got): string =>
  (headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString();

const expectEdited = (got: Got): void => {
  expect(got.status).toBe(200);
  const text = textOf(got);
  expect(text).toContain("always");
  expect(text).toContain('{"feat_new":false}');
  expect(text).not.toContain("closed");
};

test.each([
  ["a part from the beginning", { range: "bytes=0-" }],
  ["the part with the closed element", { range: "bytes=50-120", accept: "text/html" }],
  ["a part, as something else than a page", { range: "bytes=50-120", accept: "image/png" }],
  ["a part, if it has not changed", { range: "bytes=50-", "if-range": '"v1"' }],
  ["zstd", { "accept-encoding": "zstd" }],
  ["deflate before all else", { "accept-encoding": "deflate, gzip", accept: "application/octet-stream" }],
  ["zstd, as something else than a page", { "accept-encoding": "zstd", accept: "image/png" }],
  ["a part in zstd", { range: "bytes=0-", "accept-encoding": "zstd", accept: "image/png" }],
])("a page that is asked for as %s comes whole, readable and edited", async (_, headers) => {
  expectEdited(await get("/page", headers));
});

test("a request that changes something is sent once, and its page is edited", async () => {
  const before = asked.length;
  expectEdited(
    await get("/page", { range: "bytes=0-", "accept-encoding": "zstd", accept: "image/png" }, "POST"),
  );
  expect(asked.length - before).toBe(1);
});

test("media on the same routes keep their ranges, and are asked for once", async () => {
  const before = asked.length;
  const got = await get("/media", { range: "bytes=2-4", accept: "*/*" });
  expect([got.status, got.body.toString(), asked.length - before]).toEqual([206, "234", 1]);
});

test.each([
  ["gzip", "gzip"],
  ["br", undefined],
  ["gzip;q=0", undefined],
])("an edited page for a browser that reads %s streams in that coding", async (accepted, coding) => {
  const got = await get("/slow", { "accept-encoding": accepted });
  expect(got.headers["content-encoding"]).toBe(coding);
  expectEdited(got);
  expect(got.firstTextMs).toBeLessThan(SLOW_MS - 500);
});

const hexOf = (text: string, encoding: BufferEncoding): string => Buffer.from(text, encoding).toString("hex");

test("many edited pages at the same time are each their own", async () => {
  const paths = Array.from({ length: 60 }, (_, i) =>
    i % 3 === 0 ? "/slow" : `/page?hex=${hexOf(`${PAGE}#${i}`, "utf8")}`,
  );
  const all = await Promise.all(paths.map((path) => get(path, { "accept-encoding": "gzip" })));
  for (const [i, got] of all.entries()) {
    expectEdited(got);
    if (i % 3 !== 0) expect(textOf(got)).toMatch(new RegExp(`#${i}$`));
  }
});

const swapped = (hex: string): string => Buffer.from(hex, "hex").swap16().toString("hex");
/** As ISO-2022-JP: two kanji between escapes, and ASCII around them. */
const JAPANESE = `${hexOf('<head><meta charset="iso-2022-jp"></head><p data-feature="feat_new">closed</p>always', "latin1")}1b2442467c4b5c1b2842`;

test.each([
  ["UTF-16 by the header", "text/html; charset=utf-16le", hexOf(PAGE, "utf16le"), "é"],
  ["UTF-16 by its mark", "text/html", hexOf(`\ufeff${PAGE}`, "utf16le"), "é"],
  ["UTF-16, big end first", "text/html; charset=utf-8", swapped(hexOf(`\ufeff${PAGE}`, "utf16le")), "é"],
  ["ISO-2022-JP by its own words", "text/html", JAPANESE, "日本"],
  ["UTF-8 with a mark", "text/html", hexOf(`\ufeff${PAGE}`, "utf8"), "é"],
  ["an encoding that nobody knows", "text/html; charset=klingon", hexOf(PAGE, "utf8"), "é"],
])("a page in %s is edited", async (_, type, hex, kept) => {
  const got = await get(`/page?type=${encodeURIComponent(type)}&hex=${hex}`);
  expectEdited(got);
  expect(textOf(got)).toContain(kept);
});

test("a page in Latin-1 keeps its bytes", async () => {
  const got = await get(
    `/page?type=${encodeURIComponent("text/html; charset=iso-8859-1")}&hex=${hexOf(PAGE, "latin1")}`,
  );
  expect(got.headers["content-type"]).toBe("text/html; charset=iso-8859-1");
  expect(got.body.toString("latin1")).toContain("<title>é</title>");
  expect(got.body.toString("latin1")).not.toContain("closed");
});
