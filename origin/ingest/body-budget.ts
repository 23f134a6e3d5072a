// How much memory the bodies in work may take, unpacked, and each client's part of it. Pure bookkeeping.

export type Reservation = {
  /** Makes it this large; false when there is no room to grow, and then it stays as it is. */
  readonly resize: (bytes: number) => boolean;
  readonly release: () => void;
};

export type BodyBudget = {
  /** undefined: there is no room for the bytes, or the client has its share. */
  readonly reserve: (client: string, bytes: number) => Reservation | undefined;
};

/**
 * `maxBytes` bounds all reservations and what is `usedElsewhere` together. A client that has a body in work gets at most
 * its share: as much as leaves another share for one that comes next. So one client alone has half, and a body of a client
 * that has none finds room while others send as much as they can.
 */
export const makeBodyBudget = (options: { maxBytes: number; usedElsewhere: () => number }): BodyBudget => {
  const { maxBytes, usedElsewhere } = options;
  const byClient = new Map<string, number>();
  let reserved = 0;

  const hasRoom = (client: string, more: number): boolean => {
    if (reserved + usedElsewhere() + more > maxBytes) return false;
    const has = byClient.get(client) ?? 0;
    return has === 0 || has + more <= maxBytes / (byClient.size + 1);
  };
  const change = (client: string, by: number): void => {
    reserved += by;
    const left = (byClient.get(client) ?? 0) + by;
    if (left > 0) byClient.set(client, left);
    else byClient.delete(client);
  };

  return {
    reserve: (client, bytes) => {
      if (!hasRoom(client, bytes)) return undefined;
      let size = bytes;
      change(client, size);
      return {
        resize: (wanted) => {
          // The client's own reservation must not count against itself when it is its only one.
          const isOnlyOne = byClient.get(client) === size;
          const fits = isOnlyOne
            ? reserved + usedElsewhere() + wanted - size <= maxBytes
            : hasRoom(client, wanted - size);
          if (wanted > size && !fits) return false;
          change(client, wanted - size);
          size = wanted;
          return true;
        },
        release: () => {
          change(client, -size);
          size = 0;
        },
      };
    },
  };
};
