// One stack and one site for many stories at once: a feature each, on paths of its own, with visitors of its own.
import { makeAdminClient } from "../../scripts/demo/admin-client.ts";
import { eventually, makeTestStack } from "../support/stack.ts";
import { openConnections, makeBrowser, type Browser, type Connections } from "./browser.ts";
import { startSite, type Site } from "./site.ts";

export type World = {
  readonly edgeUrl: string;
  readonly originUrl: string;
  readonly adminToken: string;
  readonly site: Site;
  readonly connections: Connections;
  /** Any method and body; the answer whatever its status. */
  readonly ask: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Response>;
  readonly admin: ReturnType<typeof makeAdminClient>;
  /** Creates and opens a feature with its rule, and waits until the edge has it. */
  readonly launch: (feature: Launch) => Promise<void>;
  readonly visitor: (address: string, onRequest?: () => void) => Browser;
  readonly stop: () => Promise<void>;
};

export type Launch = {
  readonly featureId: string;
  readonly rolloutBps: number;
  readonly state: Readonly<Record<string, unknown>>;
  readonly rule: Readonly<Record<string, unknown>>;
};

export const startWorld = async (
  options: { edgeVars?: Record<string, string>; originEnv?: Record<string, string> } = {},
): Promise<World> => {
  const site = await startSite();
  const { edgeVars = {}, originEnv = {} } = options;
  const stack = await makeTestStack({ originEnv, edgeVars: { UPSTREAM_URL: site.url, ...edgeVars } });
  const connections = openConnections();
  const edgeUrl = stack.edge.url;
  const { adminToken } = stack.secrets;
  const admin = makeAdminClient(stack.origin.url, adminToken);
  const edgeKnows = async (featureId: string): Promise<boolean> => {
    const response = await fetch(`${edgeUrl}/.sluice/explain`);
    const { features } = (await response.json()) as { features: { featureId: string; why?: string }[] };
    return features.some((feature) => feature.featureId === featureId && feature.why !== "closed");
  };
  return {
    edgeUrl,
    originUrl: stack.origin.url,
    adminToken,
    site,
    connections,
    admin,
    ask: (method, path, body, headers = {}) =>
      fetch(`${stack.origin.url}/admin/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${adminToken}`, ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    launch: async (feature) => {
      await admin.open(feature);
      await eventually(() => edgeKnows(feature.featureId), 20_000);
    },
    visitor: (address, onRequest) =>
      makeBrowser({ edgeUrl, connections, address, ...(onRequest === undefined ? {} : { onRequest }) }),
    stop: async () => {
      connections.close();
      await stack.stop();
      await site.stop();
    },
  };
};

/** Another /24 for each number. */
export const networkOf = (number: number): string =>
  `${11 + (Math.floor(number / 65_536) % 80)}.${Math.floor(number / 256) % 256}.${number % 256}.7`;
