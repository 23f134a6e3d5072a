// What lies around the edge in its tests, as one real HTTP server on Node: the site (upstream) under any path, the
// origin's OTLP endpoint under /v1/traces, that of a starved origin under /late, and a captcha provider's under /siteverify. All remember what they were sent; a test reads that under /.recorded.
import { generateKeyPairSync, type JsonWebKey } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout } from "node:timers/promises";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import type { TestProject } from "vitest/node";
import { otlpJson } from "../fuzz/bodies.ts";
import { listenOnLoopback } from "./listen.ts";
import { makeSiteverify } from "./siteverify.ts";

declare module "vitest" {
  export interface ProvidedContext {
    outsideUrl: string;
    /** The private key (JWK, ES256) that signs the site's tokens; the public one is at /keys.json. */
    tokenKey: JsonWebKey;
  }
}

/** Longer than most clients wait for an acknowledgement. */
const LATE_MS = 6_000;

type Recorded = { method: string; url: string; headers: [string, string][]; body: string };

const pairs = (raw: readonly string[]): [string, string][] =>
  Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i] ?? "", raw[2 * i + 1] ?? ""]);

/** Telemetry as OTLP's JSON, anything else as it came. */
const readBody = async (request: IncomingMessage): Promise<string> => {
  const bytes = await buffer(request);
  return (request.headers["content-type"] === "application/x-protobuf" ? otlpJson(bytes) : bytes).toString();
};

const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

/** `/as-told?body=…&type=…&gzip=1&header=Name:Value`: a page as a test wants it. */
const answerAsTold = (told: URLSearchParams, response: ServerResponse): void => {
  const headers = told.getAll("header").map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1)] as const;
  });
  const gzipped = told.has("gzip");
  const body = told.get("body") ?? "";
  response.writeHead(Number(told.get("status") ?? 200), {
    "Content-Type": told.get("type") ?? "text/html; charset=utf-8",
    ...(gzipped ? { "Content-Encoding": "gzip" } : {}),
    ...Object.fromEntries(headers),
  });
  response.end(gzipped ? gzipSync(body) : body);
};

/** The site's pages: each shows one behaviour that a proxy must leave alone. */
const answerAsSite = (recorded: Recorded, response: ServerResponse): void => {
  const { pathname, searchParams } = new URL(recorded.url, "http://site");
  const status = Number(searchParams.get("status") ?? 200);
  switch (pathname) {
    case "/as-told":
    case "/new-stack/as-told":
      answerAsTold(searchParams, response);
      return;
    case "/keys.json":
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(JSON.stringify({ keys: [publicKey.export({ format: "jwk" })] }));
      return;
    case "/two-cookies":
      response.writeHead(
        200,
        [
          ["Set-Cookie", "a=1; Path=/"],
          ["Set-Cookie", "b=2; Path=/"],
        ].flat(),
      );
      response.end("cookies");
      return;
    case "/busy":
      response.writeHead(503, { "Retry-After": "7", "Content-Type": "text/plain" }).end("busy");
      return;
    case "/moved":
      response.writeHead(302, { Location: "/elsewhere" }).end();
      return;
    default:
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(recorded));
  }
};

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const record: Recorded[] = [];
  const siteverify = makeSiteverify();
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const url = request.url ?? "/";
      if (url.startsWith("/.recorded")) {
        const wanted = new URL(url, "http://site").searchParams.get("containing") ?? "";
        const found = record.filter((entry) => `${entry.url}\n${entry.body}`.includes(wanted));
        response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(found));
        return;
      }
      const { method = "GET", rawHeaders } = request;
      const recorded = { method, url, headers: pairs(rawHeaders), body: await readBody(request) };
      record.push(recorded);
      if (url.startsWith("/late/")) await setTimeout(LATE_MS);
      if (url.endsWith("/v1/traces")) response.writeHead(200).end("{}");
      else if (url === "/siteverify") siteverify(recorded.body, response);
      else answerAsSite(recorded, response);
    };
    void answer();
  });
  const { url } = await listenOnLoopback(server);
  project.provide("outsideUrl", url);
  project.provide("tokenKey", privateKey.export({ format: "jwk" }));
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
}
