// The built Worker on workerd behind real sockets, with a real origin's means to push to it.
import { createHmac } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildEdge } from "../../scripts/local-stack/build-edge.ts";
import { startEdge, type EdgeServer } from "../../scripts/local-stack/edge-server.ts";
import { formatSignature, signedText } from "../../shared/signing/push-signature.ts";
import { ownWorkerds, residentMb } from "./linux-processes.ts";

const PUSH_SECRET = "push-secret-of-the-tests-0123456789abcdefghijklmnop";
export const SERVER_KEY = "server-key-of-the-tests-0123456789abcdefghijklmnop";

export type TestEdge = EdgeServer & {
  readonly push: (message: unknown) => Promise<Response>;
  /** Resident memory of this test's workerd processes, in bytes. */
  readonly residentBytes: () => number;
};

export const pushTo = (url: string, message: unknown): Promise<Response> => {
  const body = JSON.stringify(message);
  const timestamp = Math.floor(Date.now() / 1_000);
  const mac = createHmac("sha256", PUSH_SECRET).update(signedText(timestamp, body)).digest("hex");
  return fetch(`${url}/.sluice/push`, {
    method: "POST",
    headers: { "Sluice-Signature": formatSignature({ timestamp, kid: "new", mac }) },
    body,
  });
};

const residentBytes = (): number =>
  ownWorkerds().reduce((sum, pid) => sum + residentMb(pid) * 1_024 * 1_024, 0);

/** Bundles the Worker as for a deployment and serves it; `stop` also removes what it kept. */
export const startTestEdge = async (
  bindings: Readonly<Record<string, string>>,
  more: {
    telemetryQueue?: string;
    morePorts?: readonly number[];
    onLogLine?: (line: string) => void;
  } = {},
): Promise<TestEdge> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-edge-"));
  const server = await startEdge({
    bundleDir: await buildEdge(),
    stateDir: join(folder, "state"),
    port: 0,
    ...more,
    bindings: {
      ORIGIN_URL: "",
      PUSH_KEYS: `new:${PUSH_SECRET}`,
      COOKIE_KEYS: "c2:cookie-secret-of-the-tests-0123456789abcdefghijklmnop",
      SERVER_KEYS: `s1:${SERVER_KEY}`,
      ...bindings,
    },
  });
  return {
    ...server,
    push: (message) => pushTo(server.url, message),
    residentBytes,
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
