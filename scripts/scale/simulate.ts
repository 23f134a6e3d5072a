// A simulation of fold processes that share the partitions of the span log: who owns what, how far each partition is folded, and
// what happens when processes or databases die. Pure: the same seed gives the same run. Time goes in steps. Shares, what is given
// back, batches and pauses are computed by the fold's own functions (fair-share.ts, pacing.ts).
//
// Assumed: the list of processes is there when somebody asks; telemetry is acknowledged by a log that no database holds up; a
// process has one core, and looks at its databases one after the other.
import {
  excessOf,
  EXTRA_MS,
  extraOf,
  fairShareOf,
  FREE_ROUNDS,
  OWNERSHIP_MS,
  quotaOf,
  SILENT_MS,
} from "../../origin/aggregate/fair-share.ts";
import { BACKLOG_RECORDS, pauseAfter } from "../../origin/aggregate/pacing.ts";
import { seededRandom } from "../demo/random.ts";

export type Failure =
  /** The processes end; their connections close at once. `backAfterS`: when others take their place; null: never. */
  | {
      readonly kind: "kill";
      readonly atS: number;
      readonly processes: number;
      readonly backAfterS: number | null;
    }
  /** They stand still: the databases give up their sessions, and they go on later as if nothing had happened. */
  | { readonly kind: "pause"; readonly atS: number; readonly processes: number; readonly forS: number }
  | { readonly kind: "database"; readonly atS: number; readonly database: number; readonly forS: number };

export type Scenario = {
  readonly seed: number;
  readonly processes: number;
  readonly partitions: number;
  readonly databases: number;
  readonly seconds: number;
  readonly spansPerSecond: (atS: number) => number;
  readonly foldUs: number;
  /** A commit with its reads, however few its spans. */
  readonly roundMs: number;
  /** To read one key of the last ten minutes, when a partition is taken. */
  readonly rememberUs: number;
  readonly failures: readonly Failure[];
};

export type Sample = { readonly atS: number; readonly maxLagS: number; readonly unowned: number };
export type ScaleResult = {
  readonly acknowledged: number;
  readonly counted: number;
  /** acknowledged and not yet folded at the end */
  readonly waiting: number;
  /** batches that an older fence kept from being stored */
  readonly fenced: number;
  readonly moves: number;
  /** times at which two living sessions held one partition */
  readonly doubleOwners: number;
  readonly samples: readonly Sample[];
};

const STEP_S = 0.05;
const OWNERSHIP_S = OWNERSHIP_MS / 1_000;
const RETRY_S = 0.5;
/** A paused process is silent; this long the databases keep its session. */
const SESSION_ENDS_S = SILENT_MS / 1_000;
/** Of one partition in one round: 25,000 of each writer's stream. */
const ROUND_RECORDS = 100_000;
const DEDUPE_S = 600;
const DEDUPE_KEYS = 45_000_000;

type Batch = {
  readonly endsAt: number;
  readonly spans: ReadonlyMap<number, number>;
  readonly isBehind: boolean;
};
type Process = {
  state: "up" | "dead" | "paused";
  /** whether the databases still know its session */
  connected: boolean;
  until: number;
  dueAt: number;
  balanceAt: number;
  readonly owned: Map<number, number>;
  /** By database: looks in turn that saw free partitions, and what is taken above the share, until when. */
  readonly beyond: { freeRounds: number; extra: number; until: number }[];
  batch: Batch | null;
  beganAt: number;
};
type Partition = {
  readonly database: number;
  owner: number | null;
  fence: number;
  acknowledged: number;
  folded: number;
  /** spans acknowledged by the end of each step, and the first step that is not folded */
  readonly curve: number[];
  firstOpen: number;
};

export const simulate = (scenario: Scenario): ScaleResult => {
  const random = seededRandom(scenario.seed);
  const steps = Math.round(scenario.seconds / STEP_S);
  const partitions: Partition[] = Array.from({ length: scenario.partitions }, (_, at) => ({
    database: at % scenario.databases,
    owner: null,
    fence: 0,
    acknowledged: 0,
    folded: 0,
    curve: [],
    firstOpen: 0,
  }));
  const processes: Process[] = Array.from({ length: scenario.processes }, () => ({
    state: "up",
    connected: true,
    until: 0,
    dueAt: random() * OWNERSHIP_S,
    balanceAt: 0,
    owned: new Map(),
    beyond: Array.from({ length: scenario.databases }, () => ({ freeRounds: 0, extra: 0, until: 0 })),
    batch: null,
    beganAt: 0,
  }));
  const downUntil: number[] = Array.from({ length: scenario.databases }, () => 0);
  const samples: Sample[] = [];
  const result = { fenced: 0, moves: 0, doubleOwners: 0 };
  let now = 0;
  let maxLagS = 0;

  const isDown = (partition: Partition): boolean => (downUntil[partition.database] ?? 0) > now;
  const partitionAt = (at: number): Partition => {
    const found = partitions[at];
    if (found === undefined) throw new Error(`there is no partition ${at}`);
    return found;
  };

  /** The session ends: its locks are free. What the process believes to own is another matter. */
  const endSession = (id: number): void => {
    for (const partition of partitions) if (partition.owner === id) partition.owner = null;
  };
  const forget = (process: Process, dueAt: number): void => {
    process.owned.clear();
    process.batch = null;
    process.balanceAt = 0;
    process.dueAt = dueAt;
  };

  const ownedIn = (process: Process, database: number): number[] =>
    [...process.owned.keys()].filter((at) => partitionAt(at).database === database);
  const partOfQuota = (process: Process, database: number): number =>
    Math.max(0, ownedIn(process, database).length - (process.beyond[database]?.extra ?? 0));

  /** As the loop of one database does it; returns the keys that it has to remember. */
  const balanceIn = (id: number, process: Process, database: number, members: readonly number[]): number => {
    const beyond = process.beyond[database];
    const quota = quotaOf(scenario.partitions, members, id);
    if (beyond === undefined || quota === null) return 0;
    if (now > beyond.until) beyond.extra = 0;
    const ownedElsewhere = process.beyond.reduce(
      (sum, _, other) => (other === database ? sum : sum + partOfQuota(process, other)),
      0,
    );
    const inside = partitions.flatMap((partition, at) => (partition.database === database ? [at] : []));
    const free = inside.filter((at) => partitionAt(at).owner === null).length;
    const share = fairShareOf({ quota, ownedElsewhere });
    const isFull = ownedIn(process, database).length >= share + beyond.extra;
    beyond.freeRounds = isFull && free > 0 ? beyond.freeRounds + 1 : 0;
    if (beyond.freeRounds >= FREE_ROUNDS) {
      beyond.extra += extraOf(free, members.length);
      beyond.until = now + EXTRA_MS / 1_000;
    }
    for (const at of excessOf(ownedIn(process, database), share + beyond.extra)) {
      const partition = partitionAt(at);
      if (partition.owner === id) partition.owner = null;
      process.owned.delete(at);
    }
    let room = share + beyond.extra - ownedIn(process, database).length;
    let keys = 0;
    for (const at of inside) {
      const partition = partitionAt(at);
      if (room <= 0) break;
      if (partition.owner !== null || process.owned.has(at)) continue;
      partition.owner = id;
      partition.fence++;
      process.owned.set(at, partition.fence);
      result.moves++;
      room--;
      const past = partition.curve[Math.max(0, partition.curve.length - Math.round(DEDUPE_S / STEP_S))] ?? 0;
      keys += Math.min(DEDUPE_KEYS, Math.max(0, partition.folded - past));
    }
    return keys;
  };

  /** Returns the seconds that it takes to remember what was folded lately. */
  const balance = (id: number, process: Process): number => {
    const members = processes.flatMap(({ connected }, other) => (connected ? [other] : []));
    let keys = 0;
    for (let database = 0; database < scenario.databases; database++)
      if ((downUntil[database] ?? 0) <= now) keys += balanceIn(id, process, database, members);
    return (keys * scenario.rememberUs) / 1e6;
  };

  const begin = (process: Process): void => {
    const spans = new Map<number, number>();
    let total = 0;
    for (const at of process.owned.keys()) {
      const { acknowledged, folded } = partitionAt(at);
      const some = Math.min(ROUND_RECORDS, acknowledged - folded);
      if (some > 0) spans.set(at, some);
      total += some;
    }
    const tookS =
      (total === 0 ? scenario.roundMs / 4 : scenario.roundMs) / 1_000 + (total * scenario.foldUs) / 1e6;
    process.beganAt = now;
    process.batch = { endsAt: now + tookS, spans, isBehind: total >= BACKLOG_RECORDS };
  };

  /** holdFences, then counts and checkpoint: all of the batch, or nothing of it. */
  const commit = (id: number, process: Process, batch: Batch): void => {
    const held = [...process.owned].every(([at, fence]) => {
      const partition = partitionAt(at);
      return partition.fence === fence && !isDown(partition);
    });
    if (!held || !process.connected) {
      result.fenced++;
      // As the fold's thread does: it drops its connection, and with it the locks of all its partitions.
      endSession(id);
      forget(process, now + RETRY_S);
      return;
    }
    for (const [at, count] of batch.spans) partitionAt(at).folded += count;
    const pauseMs = pauseAfter({
      tookMs: (batch.endsAt - process.beganAt) * 1_000,
      isBehind: batch.isBehind,
      lagSeconds: maxLagS,
      databases: 1,
      emptyRounds: batch.spans.size === 0 ? 1 : 0,
    });
    process.batch = null;
    process.dueAt = batch.endsAt + pauseMs / 1_000;
  };

  const pick = (count: number): number[] => {
    const up = processes.flatMap(({ state }, id) => (state === "up" ? [id] : []));
    const picked: number[] = [];
    while (picked.length < count && up.length > 0)
      picked.push(...up.splice(Math.floor(random() * up.length), 1));
    return picked;
  };

  const fail = (failure: Failure): void => {
    if (failure.kind === "database") {
      downUntil[failure.database] = now + failure.forS;
      // Every session of it ends; whoever owned something there learns it at its next commit.
      for (const partition of partitions) if (partition.database === failure.database) partition.owner = null;
      return;
    }
    for (const id of pick(failure.processes)) {
      const process = processes[id];
      if (process === undefined) continue;
      if (failure.kind === "kill") {
        process.state = "dead";
        process.connected = false;
        process.until = failure.backAfterS === null ? Infinity : now + failure.backAfterS;
        endSession(id);
        forget(process, Infinity);
      } else {
        process.state = "paused";
        process.until = now + failure.forS;
        process.balanceAt = Math.max(process.balanceAt, now + SESSION_ENDS_S);
      }
    }
  };

  const liveOn = (id: number, process: Process): void => {
    if (process.state !== "up") {
      if (process.state === "paused" && process.connected && now >= process.balanceAt) {
        process.connected = false;
        endSession(id);
      }
      if (now < process.until) return;
      // Back: a killed one starts anew, a paused one goes on with the batch and the fences that it had.
      if (process.state === "dead") {
        process.connected = true;
        forget(process, now + random() * OWNERSHIP_S);
      }
      process.state = "up";
    }
    if (process.batch !== null) {
      if (now < process.batch.endsAt) return;
      commit(id, process, process.batch);
      return;
    }
    if (now < process.dueAt) return;
    process.connected = true;
    if (now >= process.balanceAt) {
      const seconds = balance(id, process);
      process.balanceAt = now + seconds + OWNERSHIP_S;
      if (seconds > 0) {
        process.dueAt = now + seconds;
        return;
      }
    }
    begin(process);
  };

  const lagOf = (partition: Partition, step: number): number => {
    if (partition.folded >= partition.acknowledged) {
      partition.firstOpen = step;
      return 0;
    }
    while ((partition.curve[partition.firstOpen] ?? Infinity) <= partition.folded) partition.firstOpen++;
    return (step - partition.firstOpen) * STEP_S;
  };

  const failures = scenario.failures.toSorted((a, b) => a.atS - b.atS);
  let failed = 0;
  for (let step = 0; step < steps; step++) {
    now = step * STEP_S;
    const each = (scenario.spansPerSecond(now) * STEP_S) / scenario.partitions;
    for (const partition of partitions) {
      partition.acknowledged += Math.round(each);
      partition.curve.push(partition.acknowledged);
    }
    for (let next = failures[failed]; next !== undefined && next.atS <= now; next = failures[failed]) {
      fail(next);
      failed++;
    }
    for (const [id, process] of processes.entries()) liveOn(id, process);

    const claims = new Map<number, number>();
    for (const process of processes)
      if (process.connected)
        for (const [at, fence] of process.owned)
          if (partitionAt(at).fence === fence) claims.set(at, (claims.get(at) ?? 0) + 1);
    for (const count of claims.values()) if (count > 1) result.doubleOwners++;
    maxLagS = Math.max(...partitions.map((partition) => lagOf(partition, step)));
    samples.push({ atS: now, maxLagS, unowned: partitions.filter(({ owner }) => owner === null).length });
  }
  const acknowledged = partitions.reduce((sum, partition) => sum + partition.acknowledged, 0);
  const counted = partitions.reduce((sum, partition) => sum + partition.folded, 0);
  return { ...result, acknowledged, counted, waiting: acknowledged - counted, samples };
};

/** Seconds from `atS` until the lag is at most `lagS` for good; null: it is not by the end. */
export const recoveryS = (samples: readonly Sample[], atS: number, lagS: number): number | null => {
  const above = samples.filter((sample) => sample.atS >= atS && sample.maxLagS > lagS);
  const last = above.at(-1);
  if (last === undefined) return 0;
  return last === samples.at(-1) ? null : last.atS + STEP_S - atS;
};
