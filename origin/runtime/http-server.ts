// The one HTTP server of the process.
import { createServer, type RequestListener } from "node:http";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Stoppable } from "./shutdown.ts";

/** Balancers ask these, and some of them name no host. Any other request of HTTP/1.1 has to name one. */
const HEALTH = /^\/(?:livez|readyz)(?:\?|$)/;

/** How long requests under way may take once the server is stopped. */
const DRAIN_MS = 5_000;
const CLOSE_IDLE_MS = 20;
/** Longer than proxies and load balancers keep an idle connection (60 s as a rule): they should be the ones that close it. */
const KEEP_ALIVE_MS = 75_000;

export type HttpServer = Stoppable & {
  /** Throws when the address cannot be listened on. */
  readonly listen: (address: { host: string; port: number }) => Promise<void>;
  /**
   * Answers for `ms` as ever, and ends each connection with its answer, so that clients leave for another process. Whoever
   * still sends afterwards is refused.
   */
  readonly drain: (ms: number) => Promise<void>;
};

export const makeHttpServer = (onRequest: RequestListener): HttpServer => {
  let isDraining = false;
  const options = { keepAliveTimeout: KEEP_ALIVE_MS, requireHostHeader: false };
  const server = createServer(options, (request, response) => {
    if (isDraining) response.shouldKeepAlive = false;
    const { headers, httpVersion, url = "" } = request;
    if (headers.host === undefined) {
      if (HEALTH.test(url)) headers.host = "localhost";
      else if (httpVersion === "1.1") {
        response.writeHead(400, { connection: "close" }).end();
        return;
      }
    }
    onRequest(request, response);
  });
  return {
    drain: async (ms) => {
      isDraining = true;
      if (server.listening && ms > 0) await sleep(ms);
    },
    listen: async ({ host, port }) => {
      server.listen(port, host);
      await once(server, "listening");
    },
    /** Takes no new requests and answers those under way. */
    stop: async () => {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      // A connection that is kept alive becomes idle with its answer, and would hold up the end.
      const closing = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_MS);
      await Promise.race([closed, sleep(DRAIN_MS)]);
      clearInterval(closing);
      server.closeAllConnections();
    },
  };
};
