// Starts the demo shop, the upstream of `npm start` and `npm run demo`. It works as well with nothing in front.
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import { makeControl } from "./control.ts";
import { type RecommendationSettings } from "./recommendations.ts";
import { makeRoutes } from "./routes.ts";

export interface Shop {
  readonly url: string;
  readonly port: number;
  /** Makes the recommendations slow or useless from the next page on; what is left out stays. Returns what is in force. */
  readonly setRecommendations: (change: Partial<RecommendationSettings>) => RecommendationSettings;
  /** Ends open connections and resolves when the port is free. */
  readonly stop: () => Promise<void>;
}

interface ShopOptions {
  /** 0 takes a free one. */
  readonly port: number;
  readonly host?: string;
  /** The bearer token of POST /control (control.ts); without one there is no control over HTTP. */
  readonly controlToken?: string;
}

/** The recommendations start fast and useful. Rejects when the port is taken. */
export const startShop = async ({ port, host = "127.0.0.1", controlToken }: ShopOptions): Promise<Shop> => {
  let settings: RecommendationSettings = { delayMs: 0, useful: true };
  const setRecommendations: Shop["setRecommendations"] = (change) => {
    settings = { ...settings, ...change };
    return settings;
  };
  const app = makeRoutes({
    settings: () => settings,
    wait: (ms) => wait(ms),
    random: Math.random,
    control:
      controlToken === undefined
        ? undefined
        : makeControl({ token: controlToken, change: setRecommendations }),
  });
  const listener = getRequestListener(app.fetch);
  const server = createServer((request, response) => void listener(request, response));
  // Longer than any client keeps an idle connection, so that none is closed under a request.
  server.keepAliveTimeout = 65_000;
  server.listen(port, host);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the shop listens on no port");
  return {
    url: `http://${host}:${address.port}`,
    port: address.port,
    setRecommendations,
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
