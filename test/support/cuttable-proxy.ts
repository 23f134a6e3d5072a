// A way between two programs that can be cut, as a network does it: connections die, new ones are refused or swallowed.
import { connect, createServer, type Socket } from "node:net";
import { listenOnLoopback } from "./listen.ts";

export type CuttableProxy = {
  readonly url: string;
  /** Ends what is connected, and refuses what comes. */
  readonly cut: () => void;
  /** Ends the connections whose first message holds this text, and refuses such ones from now on. */
  readonly cutThose: (text: string) => void;
  readonly mend: () => void;
  /** The ports from which it speaks with the target. */
  readonly ports: () => readonly number[];
  readonly stop: () => void;
};

export const startCuttableProxy = async (target: string): Promise<CuttableProxy> => {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const outgoings = new Set<Socket>();
  let isCut = false;
  let refused: string | null = null;
  /** What each connection began with. */
  const beginnings = new Map<Socket, string>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
  };
  const server = createServer((incoming) => {
    if (isCut) {
      incoming.destroy();
      return;
    }
    const outgoing = connect(Number(port), hostname);
    keep(incoming);
    keep(outgoing);
    outgoings.add(outgoing);
    incoming.on("close", () => outgoing.destroy());
    outgoing.on("close", () => {
      outgoings.delete(outgoing);
      incoming.destroy();
    });
    incoming.once("data", (first: Buffer) => {
      const beginning = first.toString("latin1");
      if (refused !== null && beginning.includes(refused)) {
        incoming.destroy();
        return;
      }
      beginnings.set(incoming, beginning);
      outgoing.write(first);
      incoming.pipe(outgoing);
    });
    // Some servers speak first.
    outgoing.pipe(incoming);
    incoming.on("close", () => beginnings.delete(incoming));
  });
  const { url } = await listenOnLoopback(server);
  const endAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url,
    cut: () => {
      isCut = true;
      endAll();
    },
    cutThose: (text) => {
      refused = text;
      for (const [socket, beginning] of beginnings) if (beginning.includes(text)) socket.destroy();
    },
    mend: () => {
      isCut = false;
      refused = null;
    },
    ports: () => Array.from(outgoings, ({ localPort = 0 }) => localPort),
    stop: () => {
      endAll();
      server.close();
    },
  };
};
