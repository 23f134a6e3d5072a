// A TCP proxy that can be slow, deaf, mute or rude. What it does to bytes it also does to connections made meanwhile.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { listenOnLoopback } from "./listen.ts";

export type Disturbance =
  | { readonly kind: "none" }
  /** Every piece in either direction arrives this much later. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Connections stay open and nothing arrives, in either direction. */
  | { readonly kind: "blackHole" }
  /** Requests arrive, answers do not. */
  | { readonly kind: "halfOpen" }
  /** New connections are refused by a reset. */
  | { readonly kind: "refuse" };

export type FaultProxy = Awaited<ReturnType<typeof startFaultProxy>>;

/** `afterRequest` sees every piece that was passed on to the target. */
export const startFaultProxy = async (
  target: { host: string; port: number },
  afterRequest: (piece: Buffer) => void = () => {},
) => {
  let disturbance: Disturbance = { kind: "none" };
  const sockets = new Set<Socket>();

  const carry = (from: Socket, to: Socket, isAnswer: boolean) => {
    from.on("data", (piece: Buffer) => {
      pass(piece);
      if (!isAnswer) afterRequest(piece);
    });
    const pass = (piece: Buffer): void => {
      switch (disturbance.kind) {
        case "none":
        case "refuse":
          to.write(piece);
          return;
        case "delay":
          setTimeout(() => to.write(piece), disturbance.ms);
          return;
        case "halfOpen":
          if (!isAnswer) to.write(piece);
          return;
        case "blackHole":
          return;
        default:
          disturbance satisfies never;
      }
    };
    from.on("end", () => to.end());
    from.on("error", () => to.destroy());
    from.on("close", () => {
      sockets.delete(from);
      to.destroy();
    });
    sockets.add(from);
  };

  const server = createServer((client) => {
    if (disturbance.kind === "refuse") {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(target);
    client.setNoDelay();
    upstream.setNoDelay();
    carry(client, upstream, false);
    carry(upstream, client, true);
  });
  const { port } = await listenOnLoopback(server);

  /** Ends every connection the hard way; clients see ECONNRESET. */
  const reset = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port,
    disturb: (next: Disturbance) => {
      disturbance = next;
    },
    reset,
    /** Back to normal. What was swallowed is gone, so connections that lost bytes are ended, as a network would. */
    heal: () => {
      const lostBytes = disturbance.kind === "blackHole" || disturbance.kind === "halfOpen";
      disturbance = { kind: "none" };
      if (lostBytes) reset();
    },
    stop: async () => {
      server.close();
      reset();
      await once(server, "close");
    },
  };
};
