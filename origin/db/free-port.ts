// A TCP port on loopback that nobody listens on now. It is none of those from which systems take the near ends of connections
// (32768 and up on Linux, 49152 and up elsewhere): such a port may be in use again before a server listens on it.
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

const FIRST = 22_000;
const LAST = 32_767;
const TRIES = 100;

/** Whether a server can listen on it now. */
export const isFreePort = async (port: number): Promise<boolean> => {
  const server = createServer();
  try {
    await once(server.listen(port, "127.0.0.1"), "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
};

export const freePort = async (): Promise<number> => {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(FIRST, LAST + 1);
    if (await isFreePort(port)) return port;
  }
  throw new Error(`no TCP port from ${FIRST} to ${LAST} was free in ${TRIES} tries`);
};
