// A receiver of webhooks over real HTTP. Tests say what it answers.
import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import { listenOnLoopback } from "./listen.ts";

type Json = Readonly<Record<string, unknown>>;
export type Received = { path: string; headers: IncomingHttpHeaders; body: string; json: Json };

export const startReceiver = async () => {
  const received: Received[] = [];
  const state = {
    /** "hang": the request is read and never answered. */
    answer: { status: 200, headers: {}, body: "ok" } as
      | { status: number; headers?: Record<string, string>; body?: string }
      | "hang",
  };
  const handle: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      received.push({ path: request.url ?? "", headers: request.headers, body, json: JSON.parse(body) });
      if (state.answer === "hang") return;
      response.writeHead(state.answer.status, state.answer.headers);
      response.end(state.answer.body ?? "");
    });
  };
  const server = createServer(handle);
  const { url, port } = await listenOnLoopback(server);
  return {
    url,
    port,
    state,
    received,
    /** To one path, so that the targets of several tests may share it. */
    at: (path: string): Received[] => received.filter((request) => request.path === path),
    stop: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
};
