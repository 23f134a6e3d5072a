// Why a port cannot be listened on. Asked before a process starts anything, and told where another program takes the port
// meanwhile.
import { once } from "node:events";
import { createServer } from "node:net";

/** `variable` is the one that sets the port. */
export type Listener = { readonly variable: string; readonly host: string; readonly port: number };

export type ListenError = {
  readonly text: string;
  /** Another program has the port, which it may give up. Anything else is wrong until somebody changes a variable. */
  readonly isTaken: boolean;
};

export const toListenError = ({ variable, host, port }: Listener, error: unknown): ListenError => {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  return code === "EADDRINUSE"
    ? {
        text: `${variable}: port ${port} is in use. Stop the program that listens there, or set ${variable} to a free port.`,
        isTaken: true,
      }
    : { text: `${variable}: this machine cannot listen on ${host}:${port} (${code}).`, isTaken: false };
};

/** undefined: it can be listened on now. */
export const listenError = async (listener: Listener): Promise<ListenError | undefined> => {
  const server = createServer();
  try {
    server.listen(listener.port, listener.host);
    await once(server, "listening");
    return undefined;
  } catch (error) {
    return toListenError(listener, error);
  } finally {
    server.close();
  }
};
