// An upstream whose pages are the features that the gate names to it.
import { createServer, type RequestListener } from "node:http";
import { listenOnLoopback } from "./listen.ts";

const echo: RequestListener = (request, response) => {
  response.end(String(request.headers["sluice-features"] ?? ""));
};

/** `answer` may come late or say more. */
export const startEchoUpstream = async (answer = echo) => {
  const server = createServer(answer);
  // By default Node closes an idle connection after 5 s, maybe while a request comes in on it.
  server.keepAliveTimeout = 3_600_000;
  const { url } = await listenOnLoopback(server);
  return {
    url,
    stop: async (): Promise<void> => {
      server.close();
      server.closeAllConnections();
    },
  };
};
