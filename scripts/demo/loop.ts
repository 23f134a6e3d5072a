// Where the demo plays: on the stack of `npm start`, when that serves the demo shop, else on a stack of its own.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../origin/db/free-port.ts";
import type { StackEnvironment } from "../local-stack/environment.ts";
import { Secrets, secretsFile } from "../local-stack/secrets.ts";
import { startStackProcess } from "../local-stack/stack-process.ts";
import { SHOP_NAME } from "../shop/routes.ts";

export type Loop = {
  readonly edgeUrl: string;
  readonly originUrl: string;
  readonly shopUrl: string;
  readonly adminToken: string;
  readonly stop: () => Promise<void>;
};

/** Of what is set for a stack of its own: the demo neither touches a database of yours nor a site. */
const OWN_ORIGIN_VARIABLES = ["REDIS_URL", "EVALUATE_EVERY_MS"];
const OWN_EDGE_VARIABLES = ["WATCH_MS", "MAX_STALE_MS"];

const only = (
  names: readonly string[],
  from: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));

const readAdminToken = async ({ originEnv, dataDir }: StackEnvironment): Promise<string | undefined> => {
  const given = originEnv["ADMIN_TOKEN"];
  if (given !== undefined) return given;
  const kept = await readFile(secretsFile(dataDir), "utf8").catch(() => undefined);
  return kept === undefined
    ? undefined
    : Secrets.pick({ adminToken: true }).parse(JSON.parse(kept)).adminToken;
};

/** What runs on the configured ports, or why the demo cannot use it; undefined when nothing runs there. */
const findRunning = async (environment: StackEnvironment): Promise<Loop | string | undefined> => {
  const { ports } = environment;
  const edgeUrl = `http://127.0.0.1:${ports.edge}`;
  const originUrl = `http://127.0.0.1:${ports.origin}`;
  const health = await fetch(`${edgeUrl}/.sluice/health`).catch(() => undefined);
  if (health?.ok !== true) return undefined;
  const icon = await fetch(`${edgeUrl}/icon.svg`);
  await icon.arrayBuffer();
  if (icon.headers.get("server") !== SHOP_NAME) return "it serves a site of your own";
  const adminToken = await readAdminToken(environment);
  const authorization = `Bearer ${adminToken ?? ""}`;
  const features = await fetch(`${originUrl}/admin/v1/features`, { headers: { authorization } });
  await features.arrayBuffer();
  if (adminToken === undefined || !features.ok)
    return "its admin token is not at hand; DATA_DIR or ADMIN_TOKEN says where it is";
  return {
    edgeUrl,
    originUrl,
    shopUrl: `http://127.0.0.1:${ports.shop}`,
    adminToken,
    stop: async () => {},
  };
};

const startOwn = async (environment: StackEnvironment, signal: AbortSignal): Promise<Loop> => {
  const dataDir = await mkdtemp(join(tmpdir(), "sluice-demo-"));
  const [edge, origin, shop] = [await freePort(), await freePort(), await freePort()];
  const stack = startStackProcess(
    {
      dataDir,
      ports: { edge, origin, shop },
      originEnv: { LOG_LEVEL: "error", ...only(OWN_ORIGIN_VARIABLES, environment.originEnv) },
      edgeVars: only(OWN_EDGE_VARIABLES, environment.edgeVars),
    },
    2,
  );
  const stop = async (): Promise<void> => {
    await stack.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const { edgeUrl, originUrl, upstreamUrl, secrets } = await stack.running;
    signal.throwIfAborted();
    return { edgeUrl, originUrl, shopUrl: upstreamUrl, adminToken: secrets.adminToken, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

export const findLoop = async (
  environment: StackEnvironment,
  { say, signal }: { readonly say: (line: string) => void; readonly signal: AbortSignal },
): Promise<Loop> => {
  const running = await findRunning(environment);
  if (typeof running === "object") return running;
  say(
    running === undefined
      ? "no Sluice runs here: the demo starts a stack of its own"
      : `the Sluice that runs here is left alone (${running}): the demo starts a stack of its own`,
  );
  return startOwn(environment, signal);
};
