// Whether the stack's ports are free, asked before anything is started.
import { listenError, type Listener } from "../../origin/runtime/listen-error.ts";

/** One line for each port that cannot be listened on or is named twice. */
export const portErrors = async (listeners: readonly Listener[]): Promise<string[]> => {
  const found = await Promise.all(
    listeners.map(async (listener, i) => {
      const { variable, port } = listener;
      const other = listeners.slice(0, i).find((earlier) => earlier.port === port);
      if (other !== undefined) return [`${variable}: port ${port} is already that of ${other.variable}.`];
      const error = await listenError(listener);
      return error === undefined ? [] : [error.text];
    }),
  );
  return found.flat();
};
