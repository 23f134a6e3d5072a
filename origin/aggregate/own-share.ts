// How many partitions of one database this process should own now, with those that nobody else can reach.
import type { Client } from "../db/pool.ts";
import { EXTRA_MS, extraOf, fairShareOf, FREE_ROUNDS, quotaOf } from "./fair-share.ts";
import { countFree } from "./partition-ownership.ts";

export type Sharing = {
  /** How many partitions there are, wherever they live. */
  readonly partitions: number;
  /** The numbers of all fold processes, and this one's. */
  readonly members: () => readonly number[];
  readonly own: number;
  /** Partitions of its quota that this process owns in other databases. */
  readonly ownedElsewhere: () => number;
};

export const makeOwnShare = (client: Client, owned: ReadonlyMap<number, number>, sharing: Sharing) => {
  let freeRounds = 0;
  /** Partitions above the share, and until when. */
  let extra = 0;
  let extraUntil = 0;
  let knownMembers = "";
  return {
    /** Partitions that this process owns here as a part of its quota. */
    ofQuota: (): number => Math.max(0, owned.size - extra),
    /** To be asked once a look at the shares. null: it is not known yet who else there is. */
    read: async (): Promise<number | null> => {
      const members = sharing.members();
      if (performance.now() > extraUntil) extra = 0;
      // A process that has come may be able to reach the database, and is given the time to.
      if (members.join() !== knownMembers) extra = freeRounds = 0;
      knownMembers = members.join();
      const quota = quotaOf(sharing.partitions, members, sharing.own);
      if (quota === null) return null;
      const share = fairShareOf({ quota, ownedElsewhere: sharing.ownedElsewhere() });
      const free = owned.size < share + extra ? 0 : await countFree(client);
      freeRounds = free > 0 ? freeRounds + 1 : 0;
      if (freeRounds >= FREE_ROUNDS) {
        extra += extraOf(free, members.length);
        extraUntil = performance.now() + EXTRA_MS;
      }
      return share + extra;
    },
  };
};
