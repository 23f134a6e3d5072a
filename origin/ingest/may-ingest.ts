// Who may send telemetry: the holder of INGEST_TOKEN or of an API token with the scope `ingest`. Without an INGEST_TOKEN
// everyone may who can reach an origin that listens on its own machine alone.
import { BlockList, isIP } from "node:net";
import type { Access } from "../access/make-access.ts";
import { bearerToken, sameSecret } from "../runtime/secrets.ts";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8);
loopback.addAddress("::1", "ipv6");

/** `host`: an address to listen on. */
export const isLoopback = (host: string): boolean => {
  if (host === "localhost") return true;
  const family = isIP(host);
  return family !== 0 && loopback.check(host, family === 6 ? "ipv6" : "ipv4");
};

/** Takes the header `Authorization`. */
export type MayIngest = (authorization: string | undefined) => Promise<boolean>;

export const makeMayIngest =
  (options: { token: string | undefined; host: string; access: Pick<Access, "principalOf"> }): MayIngest =>
  async (authorization) => {
    const { token, host, access } = options;
    if (token === undefined && isLoopback(host)) return true;
    const given = bearerToken(authorization);
    if (given === undefined) return false;
    if (token !== undefined && sameSecret(given, token)) return true;
    return (await access.principalOf(given))?.scope === "ingest";
  };
