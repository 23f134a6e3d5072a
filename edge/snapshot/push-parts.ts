// Puts messages together that came in parts. Parts live in memory: a hub that died meanwhile is sent all of them again.
import type { Push } from "../../shared/snapshot/versioned-snapshot.ts";

/** Several origins may send messages at the same time. One is at most some 12 MB, and a Durable Object has 128 MB. */
const MAX_MESSAGES = 3;

export type PushParts = {
  /** The whole message once its last part is here, whatever the order; null while parts are missing. */
  readonly add: (push: Push) => Push | null;
};

const assemble = (parts: readonly Push[], { part, ...last }: Push): Push => ({
  ...last,
  full: part?.full ?? last.full,
  since: part?.since,
  features: parts.flatMap(({ features }) => features),
  removed: parts.flatMap(({ removed }) => removed),
  closed: parts.flatMap(({ closed = [] }) => closed),
});

export const makePushParts = (): PushParts => {
  /** By the message's id, the one with the newest part last. */
  const messages = new Map<string, Map<number, Push>>();
  return {
    add: (push) => {
      if (push.part === undefined) return push;
      const { id, index, count } = push.part;
      const received = messages.get(id) ?? new Map<number, Push>();
      messages.delete(id);
      received.set(index, push);
      const parts = Array.from({ length: count }, (_, at) => received.get(at)).filter(
        (one) => one !== undefined,
      );
      if (parts.length === count) return assemble(parts, push);
      messages.set(id, received);
      const [oldest] = messages.keys();
      if (messages.size > MAX_MESSAGES && oldest !== undefined) messages.delete(oldest);
      return null;
    },
  };
};
