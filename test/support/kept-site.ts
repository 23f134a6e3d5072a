// A site whose pages say what it was sent, and a visitor of it. A query says how it answers: `as` is a JSON of headers,
// `session` begins a session, `varies` names the cohort whose pages differ by X-Theme.
import { createServer, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { gunzipSync, gzipSync } from "node:zlib";
import { listenOnLoopback } from "./listen.ts";

export type Seen = { method: string; url: string; headers: IncomingHttpHeaders };

/** What a page shows of the request that it was made for. */
export type Shown = {
  path: string;
  features: string;
  unit: string | null;
  headers: IncomingHttpHeaders;
  count: number;
};

export type KeptSite = {
  readonly url: string;
  readonly seen: Seen[];
  /** Requests for this path and query so far. */
  readonly count: (url: string) => number;
  /** While set, each answer is this status; 0: the connection is broken. */
  fails: number | null;
  readonly stop: () => Promise<void>;
};

export const PUBLIC = { "Cache-Control": "public, max-age=600" };

/** The path of a page that answers with these headers. */
export const page = (path: string, as: Record<string, string> = PUBLIC, more = ""): string =>
  `${path}?as=${encodeURIComponent(JSON.stringify(as)).replaceAll("'", "%27")}${more}`;

export const startKeptSite = async (): Promise<KeptSite> => {
  const seen: Seen[] = [];
  const count = (url: string): number => seen.filter((each) => each.url === url).length;
  const server = createServer((request, response) => {
    if (request.method === "POST") return void request.resume().on("end", () => response.end("{}"));
    const { method = "", url = "/", headers } = request;
    seen.push({ method, url, headers });
    if (site.fails === 0) return request.socket.destroy();
    const { pathname, searchParams: query } = new URL(url, "http://site");
    const shown: Shown = {
      path: pathname,
      features: String(headers["sluice-features"] ?? ""),
      unit: headers["sluice-unit"]?.toString() ?? null,
      headers,
      count: count(url),
    };
    const text = `<html><head></head><body><p data-feature="feat_a" hidden>a</p><pre>${JSON.stringify(shown)}</pre></body></html>`;
    const isGzipped = query.has("gzip") && String(headers["accept-encoding"]).includes("gzip");
    const body = isGzipped ? gzipSync(text) : Buffer.from(text + "x".repeat(Number(query.get("bytes") ?? 0)));
    const refused = query.get("refuses") ?? "nothing";
    const isRefused = [headers.accept, headers["x-theme"]].some((value) => String(value).includes(refused));
    response.writeHead(site.fails ?? (isRefused ? 400 : Number(query.get("status") ?? 200)), {
      "Content-Type": "text/html; charset=utf-8",
      ...JSON.parse(query.get("as") ?? "{}"),
      ...(query.has("session") && !String(headers.cookie).includes("session=")
        ? { "Set-Cookie": "session=new" }
        : {}),
      ...(shown.features.includes(query.get("varies") ?? "no cohort") ? { Vary: "X-Theme" } : {}),
      ...(isGzipped ? { "Content-Encoding": "gzip" } : {}),
      ...(query.has("breaks") ? { "Content-Length": body.length } : {}),
    });
    if (!query.has("breaks")) return void setTimeout(() => response.end(body), Number(query.get("ms") ?? 0));
    response.write(body.subarray(0, 100));
    setTimeout(() => request.socket.destroy(), 30);
    return undefined;
  });
  const { url } = await listenOnLoopback(server);
  const site: KeptSite = {
    url,
    seen,
    count,
    fails: null,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return site;
};

export type Got = {
  status: number;
  headers: IncomingHttpHeaders;
  /** Plain. */
  text: string;
  /** null: the body is no page of the site, whole. */
  shown: Shown | null;
};

const readPage = (text: string): Shown | null => {
  const [, json] = /<pre>(.*?)<\/pre>/.exec(text) ?? [];
  return json === undefined ? null : JSON.parse(json);
};

/** A client that does not name itself is nobody's visit. */
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

export const get = (url: string, headers: IncomingHttpHeaders = {}, method = "GET"): Promise<Got> =>
  new Promise((resolve, reject) => {
    const { hostname, port, pathname, search } = new URL(url);
    const sent = httpRequest(
      {
        hostname,
        port,
        path: pathname + search,
        method,
        headers: { Host: "shop.test", "user-agent": FIREFOX, ...headers },
        agent: false,
      },
      (response) => {
        const read = async (): Promise<void> => {
          const body = Buffer.concat(await response.toArray());
          const isGzipped = response.headers["content-encoding"] === "gzip" && body.length > 0;
          const text = (isGzipped ? gunzipSync(body) : body).toString();
          const { statusCode: status = 0, headers: got } = response;
          resolve({ status, headers: got, text, shown: readPage(text) });
        };
        read().catch(reject);
      },
    );
    sent.on("error", reject).end();
  });
