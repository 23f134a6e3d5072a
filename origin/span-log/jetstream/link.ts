// The connection to JetStream's servers. It is looked for again for as long as the process runs, so that an origin whose log is
// away starts, serves everything else, and takes telemetry once the log is there.
import { setTimeout as sleep } from "node:timers/promises";
import { connect, credsAuthenticator, type NatsConnection } from "@nats-io/transport-node";
import { SpanLogUnreachable } from "../span-log.ts";
import { connectFailure, readAuthority, readCredentials } from "./access.ts";
import { makeIdentityCheck } from "./identity.ts";
import type { JetStreamSettings } from "./settings.ts";

const CONNECT_MS = 3_000;
const AGAIN_MS = 500;
/** A server that does not answer two of these is left for another one. */
const PING_MS = 2_000;

export type NatsLink = {
  /** Throws SpanLogUnreachable while there is no connection. */
  readonly connection: () => NatsConnection;
  readonly close: () => Promise<void>;
};

const optionsOf = async (settings: JetStreamSettings, name: string) => {
  const urls = settings.urls.map((url) => new URL(url));
  const [first] = urls;
  const isEncrypted = settings.caFile !== null || urls.some(({ protocol }) => protocol === "tls:");
  const authority = settings.caFile === null ? {} : { ca: await readAuthority(settings.caFile) };
  return {
    servers: urls.map(({ host }) => host),
    name,
    timeout: CONNECT_MS,
    pingInterval: PING_MS,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    reconnectTimeWait: AGAIN_MS,
    // Stacks of the places that ask, of each request: they cost more than the request.
    noAsyncTraces: true,
    ...(isEncrypted ? { tls: { ...authority, checkServerIdentity: makeIdentityCheck(urls) } } : {}),
    ...(first === undefined || first.username === ""
      ? {}
      : { user: decodeURIComponent(first.username), pass: decodeURIComponent(first.password) }),
    ...(settings.credentialsFile === null
      ? {}
      : { authenticator: credsAuthenticator(await readCredentials(settings.credentialsFile)) }),
  };
};

/** `name`: what the servers show the connection as. */
export const makeNatsLink = (settings: JetStreamSettings, name: string): NatsLink => {
  const stop = new AbortController();
  const servers = settings.urls.map((url) => new URL(url).host).join(", ");
  let connection: NatsConnection | undefined;
  let isUp = false;
  let problem = "it has not answered yet";

  const follow = async (open: NatsConnection): Promise<void> => {
    for await (const status of open.status()) {
      if (status.type === "disconnect") {
        isUp = false;
        problem = `the connection to ${status.server} broke`;
      } else if (status.type === "reconnect") isUp = true;
      else if (status.type === "error") problem = connectFailure(status.error, settings);
    }
  };

  const keepConnected = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        const open = await connect(await optionsOf(settings, name));
        connection = open;
        isUp = true;
        const following = follow(open);
        if (stop.signal.aborted) await open.close();
        const reason = await open.closed();
        await following;
        if (reason instanceof Error) problem = connectFailure(reason, settings);
      } catch (error) {
        problem = connectFailure(error, settings);
      }
      isUp = false;
      await sleep(AGAIN_MS, undefined, { signal: stop.signal }).catch(() => {});
    }
  };
  const connected = keepConnected();

  return {
    connection: () => {
      if (connection === undefined || !isUp)
        throw new SpanLogUnreachable(`NATS at ${servers} cannot be reached: ${problem}`);
      return connection;
    },
    close: async () => {
      stop.abort();
      await connection?.close();
      await connected;
    },
  };
};
