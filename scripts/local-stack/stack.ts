// The whole loop on one machine: shop, edge and origin, wired to one another. `npm start`, the demo and the
// flow tests all run this.
import { join } from "node:path";
import { buildConsole } from "./build-console.ts";
import { buildEdge } from "./build-edge.ts";
import { startEdge, type EdgeServer } from "./edge-server.ts";
import { originUrl, startOriginProcess, type OriginProcess } from "./origin-process.ts";
import { ownFolder } from "../../origin/db/folder-owner.ts";
import { portErrors } from "./ports.ts";
import { loadSecrets, type Secrets } from "./secrets.ts";
import { startShopThread, type ShopThread } from "../shop/thread.ts";

export type Stack = {
  readonly edge: { readonly url: string; readonly restart: () => Promise<void> };
  readonly origin: OriginProcess;
  /** null where UPSTREAM_URL names another site. */
  readonly shop: ShopThread | null;
  readonly upstreamUrl: string;
  readonly secrets: Secrets;
  readonly stop: () => Promise<void>;
};

export type StackOptions = {
  /** Absolute: the programs that get it have working directories of their own. */
  readonly dataDir: string;
  readonly ports: { readonly edge: number; readonly origin: number; readonly shop: number };
  /** More of the origin's environment: DATABASE_URL, REDIS_URL, … */
  readonly originEnv?: Readonly<Record<string, string>>;
  readonly edgeVars?: Readonly<Record<string, string>>;
  readonly onLine: (line: string) => void;
};

const LOOPBACK = "127.0.0.1";

/** The Worker serves the site ungated when its variables are wrong, and says so on its own routes only. */
const assertGates = async (edgeUrl: string): Promise<void> => {
  const health = await fetch(`${edgeUrl}/.sluice/health`);
  const text = await health.text();
  if (!health.ok) throw new Error(`the edge does not gate: ${text}`);
};

/** Throws one line for each variable that is to blame when a port is taken. */
export const startStack = async (options: StackOptions): Promise<Stack> => {
  const { dataDir, ports, originEnv = {}, edgeVars = {} } = options;
  const upstream = edgeVars["UPSTREAM_URL"];
  const errors = await portErrors([
    { variable: "EDGE_PORT", host: LOOPBACK, port: ports.edge },
    { variable: "ORIGIN_PORT", host: originEnv["ORIGIN_HOST"] ?? LOOPBACK, port: ports.origin },
    ...(upstream === undefined ? [{ variable: "SHOP_PORT", host: LOOPBACK, port: ports.shop }] : []),
  ]);
  if (errors.length > 0) throw new Error(errors.join("\n"));

  const kept = await loadSecrets(dataDir);
  const ownership = await ownFolder(dataDir, { what: `DATA_DIR ${dataDir}`, port: ports.edge });
  const secrets: Secrets = {
    adminToken: originEnv["ADMIN_TOKEN"] ?? kept.adminToken,
    ingestToken: originEnv["INGEST_TOKEN"] ?? kept.ingestToken,
    pushKeys: originEnv["PUSH_KEYS"] ?? kept.pushKeys,
    cookieKeys: edgeVars["COOKIE_KEYS"] ?? kept.cookieKeys,
    previewKeys: edgeVars["PREVIEW_KEYS"] ?? kept.previewKeys,
    serverKeys: edgeVars["SERVER_KEYS"] ?? kept.serverKeys,
    sessionKeys: originEnv["SESSION_KEYS"] ?? kept.sessionKeys,
    pseudonymKeys: originEnv["PSEUDONYM_KEYS"] ?? kept.pseudonymKeys,
    encryptionKeys: originEnv["ENCRYPTION_KEYS"] ?? kept.encryptionKeys,
  };
  const bundled = buildEdge();
  // Awaited below; until then its failure must not end the process.
  bundled.catch(() => {});
  const consoleBuilt = originEnv["CONSOLE_DIR"] ?? buildConsole();
  if (consoleBuilt instanceof Promise) consoleBuilt.catch(() => {});
  const edgeUrl = `http://${LOOPBACK}:${ports.edge}`;
  const stops: (() => Promise<void>)[] = [() => ownership.release()];
  const stop = async () => {
    for (const end of stops.toReversed()) await end();
  };
  try {
    const shop =
      upstream === undefined
        ? await startShopThread({ port: ports.shop, controlToken: secrets.adminToken })
        : null;
    if (shop !== null) stops.push(() => shop.stop());
    const upstreamUrl = upstream ?? shop?.url ?? "";
    const bundleDir = await bundled;
    const serve = () =>
      startEdge({
        bundleDir,
        stateDir: join(dataDir, "edge", "state"),
        port: ports.edge,
        bindings: {
          UPSTREAM_URL: upstreamUrl,
          ORIGIN_URL: originUrl(ports.origin, originEnv["ORIGIN_HOST"]),
          DEBUG_HEADERS: "always",
          ...edgeVars,
          COOKIE_KEYS: secrets.cookieKeys,
          PUSH_KEYS: secrets.pushKeys,
          PREVIEW_KEYS: secrets.previewKeys,
          SERVER_KEYS: secrets.serverKeys,
          INGEST_TOKEN: secrets.ingestToken,
        },
      });
    let edge: EdgeServer = await serve();
    stops.push(() => edge.stop());
    await assertGates(edgeUrl);
    // The edge first: the origin pushes to it as soon as it runs.
    const origin = startOriginProcess({
      port: ports.origin,
      onLine: options.onLine,
      env: {
        ...originEnv,
        DATA_DIR: dataDir,
        EDGE_URLS: [edgeUrl, originEnv["EDGE_URLS"] ?? []].flat().join(","),
        ADMIN_TOKEN: secrets.adminToken,
        INGEST_TOKEN: secrets.ingestToken,
        PUSH_KEYS: secrets.pushKeys,
        PREVIEW_KEYS: secrets.previewKeys,
        SESSION_KEYS: secrets.sessionKeys,
        PSEUDONYM_KEYS: secrets.pseudonymKeys,
        ENCRYPTION_KEYS: secrets.encryptionKeys,
        CONSOLE_DIR: await consoleBuilt,
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
      upstreamUrl,
      secrets,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};
