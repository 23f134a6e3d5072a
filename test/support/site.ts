// A site with everything that a proxy gets wrong: streams, ranges, validators, upgrades, several cookies.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { listenOnLoopback } from "./listen.ts";

export type SiteRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers: [string, string][];
};

export type TestSite = {
  readonly url: string;
  readonly requests: readonly SiteRequest[];
  readonly stop: () => Promise<void>;
};

const DOCUMENT = "0123456789".repeat(10);
const ETAG = '"v1"';
const WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const count = async (request: IncomingMessage): Promise<number> => {
  let bytes = 0;
  for await (const chunk of request) bytes += (chunk satisfies Buffer).length;
  return bytes;
};

const answerDocument = (request: IncomingMessage, response: ServerResponse): void => {
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  const headers = { ETag: ETAG, "Content-Type": "text/plain", "Accept-Ranges": "bytes" };
  if (request.headers["if-none-match"] === ETAG) response.writeHead(304, headers).end();
  else if (range !== null) {
    const [, from = "0", to = "0"] = range;
    const part = DOCUMENT.slice(Number(from), Number(to) + 1);
    response
      .writeHead(206, { ...headers, "Content-Range": `bytes ${from}-${to}/${DOCUMENT.length}` })
      .end(part);
  } else {
    response.writeHead(200, { ...headers, "Content-Length": DOCUMENT.length });
    response.end(request.method === "HEAD" ? undefined : DOCUMENT);
  }
};

const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { pathname } = new URL(request.url ?? "/", "http://site");
  switch (pathname) {
    case "/document":
      return answerDocument(request, response);
    case "/cookies":
      response.writeHead(200, ["Set-Cookie", "a=1; Path=/", "Set-Cookie", "b=2; Path=/"]).end("cookies");
      return undefined;
    case "/busy":
      response.writeHead(503, { "Retry-After": "7" }).end("busy");
      return undefined;
    case "/moved":
      response.writeHead(302, { Location: "/elsewhere" }).end();
      return undefined;
    case "/nominating":
      response.writeHead(200, { Connection: "close, X-Hop", "X-Hop": "1", "X-End": "kept" }).end();
      return undefined;
    case "/events":
      response.writeHead(200, { "Content-Type": "text/event-stream" }).write("data: first\n\n");
      return undefined; // and never ends
    case "/download":
      response.writeHead(200, { "Content-Length": 100_000_000 });
      for (let i = 0; i < 1_000; i++)
        if (!response.write(Buffer.alloc(100_000))) await once(response, "drain");
      response.end();
      return undefined;
    default:
      response.end(JSON.stringify({ method: request.method, url: request.url, bytes: await count(request) }));
      return undefined;
  }
};

/** One text frame of less than 126 bytes in, the same text out. */
const echoFrame = (frame: Buffer): Buffer => {
  const length = (frame[1] ?? 0) & 0x7f;
  const mask = frame.subarray(2, 6);
  const text = frame.subarray(6, 6 + length).map((byte, i) => byte ^ (mask[i % 4] ?? 0));
  return Buffer.concat([Buffer.from([0x81, length]), text]);
};

export const startTestSite = async (): Promise<TestSite> => {
  const requests: SiteRequest[] = [];
  const note = ({ method = "", url = "", rawHeaders }: IncomingMessage): void => {
    const headers = Array.from({ length: rawHeaders.length / 2 }, (_, i): [string, string] => [
      rawHeaders[2 * i] ?? "",
      rawHeaders[2 * i + 1] ?? "",
    ]);
    requests.push({ method, url, headers });
  };
  const server = createServer((request, response) => {
    note(request);
    void answer(request, response);
  });
  server.on("upgrade", (request, socket) => {
    note(request);
    const key = `${request.headers["sec-websocket-key"]}${WEBSOCKET_GUID}`;
    const accept = createHash("sha1").update(key).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on("data", (frame: Buffer) => socket.write(echoFrame(frame)));
    socket.on("error", () => socket.destroy());
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket.on("close", () => sockets.delete(socket))));
  const { url } = await listenOnLoopback(server);
  return {
    url,
    requests,
    stop: async () => {
      for (const socket of sockets) socket.destroy(); // upgraded ones too
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
