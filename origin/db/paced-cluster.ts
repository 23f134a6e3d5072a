// A cluster's client that asks for the map of slots at most every REFRESH_MS. While a master is dead and its replica has not
// taken over, ioredis 6.0.0 connects the sharded subscriber, fails, asks for the map, gets the old one, and begins again at once:
// a whole core, until the replica takes over.
import { Cluster } from "ioredis";

const REFRESH_MS = 100;

type OnRefreshed = NonNullable<Parameters<Cluster["refreshSlotsCache"]>[0]>;

export class PacedCluster extends Cluster {
  #lastAt = Number.NEGATIVE_INFINITY;
  #waiting: OnRefreshed[] | undefined;

  override refreshSlotsCache(onRefreshed?: OnRefreshed): void {
    const waitMs = this.#lastAt + REFRESH_MS - performance.now();
    if (this.#waiting === undefined && waitMs <= 0) {
      this.#lastAt = performance.now();
      super.refreshSlotsCache(onRefreshed);
      return;
    }
    if (this.#waiting === undefined) {
      this.#waiting = [];
      setTimeout(() => this.#refresh(), waitMs).unref();
    }
    if (onRefreshed !== undefined) this.#waiting.push(onRefreshed);
  }

  /** One refresh for all who asked meanwhile. */
  #refresh(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#lastAt = performance.now();
    super.refreshSlotsCache((error, result) => {
      for (const onRefreshed of waiting) onRefreshed(error, result);
    });
  }
}
