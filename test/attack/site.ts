// The site behind the edge. Each feature has its own paths, `/<feature id>/…`, and behaves as its story says.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { listenOnLoopback } from "../support/listen.ts";

export type Visit = {
  /** The path below the feature's. */
  readonly path: string;
  readonly isTreated: boolean;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
};

/** Answers, or returns false: then the site answers as a site that works. */
export type Behaviour = (visit: Visit) => boolean;

export type Site = {
  readonly url: string;
  readonly behave: (featureId: string, behaviour: Behaviour) => void;
  readonly stop: () => Promise<void>;
};

/** By this the visitors know whether they see the feature, as people do by looking at the page. */
export const TREATED = "the new thing";

const answerWell = ({ path, isTreated, request, response }: Visit): void => {
  request.resume();
  if (path.startsWith("/assets")) response.writeHead(200, { "content-type": "image/png" }).end("picture");
  else
    response
      .writeHead(200, { "content-type": "text/html" })
      .end(`<!doctype html><title>shop</title>${isTreated ? TREATED : "as ever"}`);
};

export const startSite = async (): Promise<Site> => {
  const behaviours = new Map<string, Behaviour>();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://site");
    const [, featureId = "", ...rest] = pathname.split("/");
    const told = String(request.headers["sluice-features"] ?? "");
    const isTreated = told.split(", ").includes(`${featureId}=treatment`);
    const visit = { path: `/${rest.join("/")}`, isTreated, request, response };
    response.on("error", () => {});
    if (behaviours.get(featureId)?.(visit) !== true) answerWell(visit);
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket.on("close", () => sockets.delete(socket))));
  server.keepAliveTimeout = 60_000;
  const { url } = await listenOnLoopback(server);
  return {
    url,
    behave: (featureId, behaviour) => behaviours.set(featureId, behaviour),
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
