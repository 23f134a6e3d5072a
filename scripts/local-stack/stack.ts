// The whole loop on one machine: shop, edge and origin, wired to one another. `npm start`, the demo and the
// flow tests all run this.
import { join } from "node:path";
import { bundleEdge, startEdge, type EdgeServer } from "./edge-server.ts";
import { startOriginProcess, type OriginProcess } from "./origin-process.ts";
import { loadSecrets, type Secrets } from "./secrets.ts";
import { startShopThread, type ShopThread } from "../shop/thread.ts";

export type Stack = {
  readonly edge: { readonly url: string; readonly restart: () => Promise<void> };
  readonly origin: OriginProcess;
  readonly shop: ShopThread;
  readonly secrets: Secrets;
  /** true at the first start on this data folder */
  readonly fresh: boolean;
  readonly stop: () => Promise<void>;
};

export type StackOptions = {
  readonly dataDir: string;
  readonly ports: { readonly edge: number; readonly origin: number; readonly shop: number };
  /** More of the origin's environment: DATABASE_URL, REDIS_URL, … */
  readonly originEnv?: Readonly<Record<string, string>>;
  readonly edgeVars?: Readonly<Record<string, string>>;
  readonly onLine: (line: string) => void;
};

export const startStack = async (options: StackOptions): Promise<Stack> => {
  const { secrets: kept, made } = await loadSecrets(options.dataDir);
  const secrets: Secrets = {
    adminToken: options.originEnv?.["ADMIN_TOKEN"] ?? kept.adminToken,
    ingestToken: options.originEnv?.["INGEST_TOKEN"] ?? kept.ingestToken,
    pushKeys: options.originEnv?.["PUSH_KEYS"] ?? kept.pushKeys,
    cookieKeys: options.edgeVars?.["COOKIE_KEYS"] ?? kept.cookieKeys,
  };
  const bundleDir = join(options.dataDir, "edge", "bundle");
  const bundled = bundleEdge(bundleDir);
  const edgeUrl = `http://127.0.0.1:${options.ports.edge}`;
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const end of stops.toReversed()) await end();
  };
  try {
    const shop = await startShopThread({ port: options.ports.shop, controlToken: secrets.adminToken });
    stops.push(() => shop.stop());
    await bundled;
    const serve = () =>
      startEdge({
        bundleDir,
        stateDir: join(options.dataDir, "edge", "state"),
        port: options.ports.edge,
        bindings: {
          UPSTREAM_URL: shop.url,
          ORIGIN_URL: `http://127.0.0.1:${options.ports.origin}`,
          DEBUG_HEADERS: "always",
          ...options.edgeVars,
          COOKIE_KEYS: secrets.cookieKeys,
          PUSH_KEYS: secrets.pushKeys,
          INGEST_TOKEN: secrets.ingestToken,
        },
      });
    let edge: EdgeServer = await serve();
    stops.push(() => edge.stop());
    // The edge first: the origin pushes to it as soon as it runs.
    const origin = startOriginProcess({
      port: options.ports.origin,
      onLine: options.onLine,
      env: {
        DATA_DIR: options.dataDir,
        ...options.originEnv,
        EDGE_URLS: [edgeUrl, options.originEnv?.["EDGE_URLS"] ?? []].flat().join(","),
        ADMIN_TOKEN: secrets.adminToken,
        INGEST_TOKEN: secrets.ingestToken,
        PUSH_KEYS: secrets.pushKeys,
      },
    });
    stops.push(() => origin.stop());
    await origin.ready();
    return {
      edge: {
        url: edgeUrl,
        restart: async () => {
          await edge.stop();
          edge = await serve();
        },
      },
      origin,
      shop,
      secrets,
      fresh: made,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};
