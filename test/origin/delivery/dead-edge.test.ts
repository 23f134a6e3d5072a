// An edge that is dead for an hour, on a clock that a test turns: how often it is asked, and how it comes back.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startEdgePusher } from "../../../origin/delivery/edges/edge-pusher.ts";
import type { PushAnswer } from "../../../origin/delivery/edges/send-push.ts";
import type { Changes, Since } from "../../../origin/features/read-snapshot.ts";
import { Revision } from "../../../shared/ids.ts";
import type { PushMessage } from "../../../shared/snapshot/push-message.ts";

const HOUR_MS = 3_600_000;
const URL = "https://ap.shop.example";
const LINEAGE = "3f6f0c9e-6f0f-4c53-9c26-3a7bb0f5a6d4";
const headOf = (revision: number): string => revision.toString(16).padStart(64, "0");

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] }));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A database whose newest revision the test sets, and an edge that is dead while the test says so. */
const start = () => {
  const world = { revision: 1, edge: { isDead: false, revision: 1 }, sent: [] as PushMessage[], attempts: 0 };
  const changesSince = (since: Since | null): Changes => ({
    message: {
      revision: Revision.parse(world.revision),
      lineage: LINEAGE,
      head: headOf(world.revision),
      since: since?.revision ?? Revision.parse(0),
      full: since === null,
      features: [],
      removed: [],
    },
    closes: [],
    knowsSince: true,
  });
  const answer = (message: PushMessage): PushAnswer => {
    if (world.edge.isDead) return { kind: "failed", error: "connect ECONNREFUSED" };
    const about = { takesParts: true, isSigned: true, disputed: [] };
    const revision = Revision.parse(world.edge.revision);
    if ((message.since ?? 0) > revision)
      return {
        kind: "out-of-step",
        revision,
        ...about,
        closesArrived: true,
        isBusy: false,
        history: { lineage: LINEAGE, revision, head: headOf(revision) },
      };
    world.edge.revision = Math.max(revision, message.revision);
    return { kind: "confirmed", revision: message.revision, regions: [], ...about, head: message.head };
  };
  const pusher = startEdgePusher({
    url: URL,
    readChanges: async (since) => changesSince(since),
    hadConfirmed: null,
    readHead: async (since) => {
      const changes = changesSince(since);
      return { ...changes, message: { ...changes.message, since: changes.message.revision } };
    },
    send: async (_, message) => {
      world.attempts += 1;
      if (!world.edge.isDead) world.sent.push(message);
      return answer(message);
    },
    doubtAhead: () => null,
    raiseAbove: async () => {},
    onWitness: async () => {},
    readOlderEdge: async () => [],
    onClosed: () => {},
    onAnswer: () => {},
  });
  const commit = (): void => {
    world.revision += 1;
    pusher.notify({ revision: world.revision });
  };
  return { world, pusher, commit };
};

// The pause before each attempt is drawn: the longest, the shortest, and some between.
test.each([1, 0, 0.37, 0.81])(
  "an edge that is dead for an hour is asked every few seconds, and gets all that it missed in one message (chance %d)",
  async (chance) => {
    vi.spyOn(Math, "random").mockReturnValue(chance);
    const { world, pusher, commit } = start();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(world.edge.revision).toBe(1);

    world.edge.isDead = true;
    world.attempts = 0;
    for (let minute = 0; minute < 60; minute += 1) {
      if (minute % 2 === 0) commit();
      await vi.advanceTimersByTimeAsync(HOUR_MS / 60);
    }
    // Pauses of 2.5 to 5 s, by chance.
    expect(world.attempts).toBeGreaterThanOrEqual(720);
    expect(world.attempts).toBeLessThanOrEqual(1_440 + 60);
    expect(world.edge.revision).toBe(1);

    world.edge.isDead = false;
    world.sent.length = 0;
    await vi.advanceTimersByTimeAsync(6_000);
    expect(world.edge.revision).toBe(31);
    const [question, ...rest] = world.sent;
    // It may be asked what it has first; then one message builds on just that.
    const changes = [question, ...rest].filter(
      (message) => message !== undefined && message.since !== message.revision,
    );
    expect(changes).toHaveLength(1);
    expect(changes[0]).toMatchObject({ full: false, since: 1, revision: 31 });
    vi.useRealTimers();
    await pusher.stop();
  },
);
