// Whether the stack's ports are free, asked before anything is started.
import { once } from "node:events";
import { createServer } from "node:net";

/** `variable` is the one that sets the port. */
export type Listener = { readonly variable: string; readonly host: string; readonly port: number };

const listenError = async ({ host, port }: Listener): Promise<string | undefined> => {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, "listening");
    return undefined;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  } finally {
    server.close();
  }
};

const errorText = (listener: Listener, code: string): string => {
  const { variable, host, port } = listener;
  if (code === "EADDRINUSE")
    return `${variable}: port ${port} is in use. Stop the program that listens there, or set ${variable} to a free port.`;
  return `${variable}: this machine cannot listen on ${host}:${port} (${code}).`;
};

/** One line for each port that cannot be listened on or is named twice. */
export const portErrors = async (listeners: readonly Listener[]): Promise<string[]> => {
  const found = await Promise.all(
    listeners.map(async (listener, i) => {
      const { variable, port } = listener;
      const other = listeners.slice(0, i).find((earlier) => earlier.port === port);
      if (other !== undefined) return [`${variable}: port ${port} is already that of ${other.variable}.`];
      const code = await listenError(listener);
      return code === undefined ? [] : [errorText(listener, code)];
    }),
  );
  return found.flat();
};
