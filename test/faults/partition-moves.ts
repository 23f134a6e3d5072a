// Moves partitions by the real command while everything else goes on, and kills some of these commands midway. As the command's help
// says, one that has failed or was killed is run again, until the partition lives where it should.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { MAIN, readPlaces } from "../../origin/db/aggregate-databases.ts";
import { makePool } from "../../origin/db/pool.ts";
import { DEFAULT_PARTITIONS } from "../../shared/telemetry/partition-numbers.ts";
import { startCli } from "../support/cli.ts";
import { killAtStep, STEPS, type HeldStep } from "./hold-move.ts";
import type { DatabaseServer } from "./database-servers.ts";
import { waitUntil } from "./wait-until.ts";

/** One attempt waits 30 s for the owner of the partition at most. */
const ATTEMPT_MS = 90_000;
const MOVED_MS = 240_000;
/** A fault may be at work in the main database. */
const PLACES_MS = 60_000;

export type MoveReport = {
  moved: number;
  /** commands that were killed at a step */
  killed: number;
  /** commands that failed while a fault was at work, by what they said */
  failed: Record<string, number>;
  /** of the successful commands */
  seconds: number[];
};

type Attempt = "moved" | "killed" | { readonly said: string };

export const makeMoves = (options: {
  databases: readonly DatabaseServer[];
  env: Readonly<Record<string, string>>;
  random: () => number;
  say: (line: string) => void;
}) => {
  const { databases, env, random, say } = options;
  const report: MoveReport = { moved: 0, killed: 0, failed: {}, seconds: [] };
  let running: Promise<void> | undefined;
  let failure: unknown;

  /** `held`: the step at which it is killed. */
  const attempt = async (
    partition: number,
    from: string,
    to: string,
    held: HeldStep | null,
  ): Promise<Attempt> => {
    const { child, said } = startCli(["partitions", "move", String(partition), "--to", to], env);
    const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
    const kill = (): void => void child.kill("SIGKILL");
    const late = setTimeout(kill, ATTEMPT_MS);
    const ended = once(child, "exit");
    const ends = { main: serverOf(MAIN), source: serverOf(from), target: serverOf(to) };
    // A fault may be at work in the database whose lock is wanted: then the command goes on.
    const isKilled = held !== null && (await killAtStep(held, ends, { hasEnded, kill }).catch(() => false));
    const [code] = await ended;
    clearTimeout(late);
    if (code === 0) return "moved";
    if (isKilled) return "killed";
    return code === null
      ? { said: `it did not end within ${ATTEMPT_MS / 1_000} s` }
      : { said: said.error.trim() };
  };

  const serverOf = (name: string): DatabaseServer => {
    const found = databases.find((database) => database.name === name);
    if (found === undefined) throw new Error(`there is no database ${name}`);
    return found;
  };

  const placesNow = async () => {
    const [main] = databases;
    const pool = makePool(main?.url() ?? "", {
      applicationName: "sluice-test-faults",
      max: 1,
      onIdleError: () => {},
    });
    try {
      return (await readPlaces(pool)).byDatabase;
    } finally {
      await pool.end();
    }
  };

  const run = async (isKilled: boolean): Promise<void> => {
    const partition = Math.floor(random() * DEFAULT_PARTITIONS);
    const places = await waitUntil("the main database says where partitions live", placesNow, PLACES_MS);
    const from = [...places].find(([, partitions]) => partitions.includes(partition))?.[0] ?? MAIN;
    const targets = databases.map(({ name }) => name).filter((name) => name !== from);
    let to = targets[Math.floor(random() * targets.length)] ?? "";
    let held = isKilled ? (STEPS[Math.floor(random() * STEPS.length)] ?? null) : null;
    say(`partition ${partition}: ${from} to ${to}${held !== null ? `, killed when it ${held}` : ""}`);
    const deadline = performance.now() + MOVED_MS;
    for (;;) {
      const beganAt = performance.now();
      const outcome = await attempt(partition, from, to, held);
      if (outcome === "moved") {
        report.moved++;
        report.seconds.push((performance.now() - beganAt) / 1_000);
        return;
      }
      held = null;
      if (outcome === "killed") {
        report.killed++;
        // Whoever killed it may have changed their mind.
        if (random() < 0.3) to = from;
      } else {
        const said = outcome.said.split("\n").at(-1) ?? "";
        report.failed[said] = (report.failed[said] ?? 0) + 1;
        say(`the move of partition ${partition} to ${to} failed: ${outcome.said}`);
      }
      if (performance.now() > deadline)
        throw new Error(`partition ${partition} did not get to ${to} within ${MOVED_MS / 1_000} s`);
      await sleep(1_000);
    }
  };

  /** Waits until the move at work has ended; throws when it came to nothing. */
  const ended = async (): Promise<void> => {
    await running;
    running = undefined;
    if (failure !== undefined) throw failure;
  };

  return {
    report,
    ended,
    /** Begins a move, which goes on while other faults are at work. */
    begin: async (isKilled: boolean): Promise<void> => {
      await ended();
      running = run(isKilled).catch((error: unknown) => {
        failure = error;
      });
    },
    placesNow,
  };
};
