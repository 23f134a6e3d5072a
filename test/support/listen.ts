// Lets a server of a test listen on the loopback, on a port that nobody else has.
import { once } from "node:events";
import type { Server } from "node:net";

export const listenOnLoopback = async (
  server: Server,
  port = 0,
): Promise<{ readonly url: string; readonly port: number }> => {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("unreachable: it listens on no port");
  return { url: `http://127.0.0.1:${address.port}`, port: address.port };
};
