// What a person sees: `status`, `why` and `watch` in real terminals of 80×24 and 120×40, compared as text.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeTestDatabase } from "../support/database.ts";
import { ADMIN_TOKEN, startOrigin } from "../support/origin.ts";
import { openScreen, type Screen } from "../support/tmux.ts";

const database = await makeTestDatabase();
const origin = await startOrigin({ DATABASE_URL: database.url, ROLES: "admin" });
const screens: Screen[] = [];
afterAll(async () => {
  for (const screen of screens) screen.end();
  await origin.end("SIGTERM");
  await database.drop();
});

const env = { SLUICE_URL: origin.url, SLUICE_TOKEN: ADMIN_TOKEN };
const open = (
  args: string,
  [width, height]: readonly [number, number],
  more: Readonly<Record<string, string>> = {},
): Screen => {
  const command = `${process.execPath} origin/cli/main.ts ${args}; echo "exit code $?"`;
  const screen = openScreen(command, { width, height, env: { ...env, ...more } });
  screens.push(screen);
  return screen;
};
const SMALL = [80, 24] as const;
const LARGE = [120, 40] as const;

const TESTS = [
  {
    signal: "activation",
    against: "threshold",
    ageSeconds: 86_400,
    threshold: 0.15,
    treatment: { n: 2_410, s: 289 },
    holdout: null,
    immature: 12,
    rate: 0.12,
    logEvidence: 2.5,
    logBar: 10.8,
    comparison: null,
    onlyTreatment: null,
    alarm: null,
    counts: true,
  },
];
const evaluate = (featureId: string, state: string, reason: string) =>
  database.pool.query(
    `insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
     values ($1, 1, 1, '2026-11-26T05:00:00Z', 'shadow', 'WAIT', $2, 0, $3)`,
    [
      featureId,
      state,
      JSON.stringify({
        action: "WAIT",
        state,
        reason,
        evidence: { tests: TESTS, keep: [], sampleRatio: null },
        explained: [
          {
            signal: "activation",
            ageSeconds: 86_400,
            interval: { lower: 0.1, upper: 0.14 },
            lift: null,
            posterior: null,
            unitsToRollback: null,
            unitsToKeep: null,
          },
        ],
      }),
    ],
  );

beforeAll(async () => {
  const make = (featureId: string, more: object = {}) =>
    origin.admin("POST", "/features", {
      featureId,
      enabled: true,
      rolloutBps: 2_500,
      holdoutBps: 1_000,
      ...more,
    });
  await make("feat_new_checkout");
  await origin.admin("PUT", "/features/feat_new_checkout/rule", {
    activationThreshold: 0.15,
    retentionThreshold: 0,
    latencyP95Threshold: 800,
    minCohortSize: 1_000,
    evaluationWindowSeconds: 1_209_600,
  });
  await evaluate(
    "feat_new_checkout",
    "TESTING",
    "Activation 12.0 % within 1 d (289 of 2,410 mature; 12 not yet mature) against a floor of 15.0 %, evidence 12 : 1 of 50,000 : 1. Wait.",
  );
  await make("feat_search");
  await origin.admin("POST", "/features/feat_search/rollback", {
    reason: "the till is on fire\u001b[2J\u001b]0;owned\u0007",
  });
  await make("feat_unjudged", { enabled: false });
});

describe("status", () => {
  test("at 80 columns no line is longer than the terminal", async () => {
    const screen = open("status", SMALL);
    expect(await screen.shows("exit code 0")).toEqual([
      "FEATURE            STATE        ROLLOUT  HOLDOUT  WHY",
      "feat_new_checkout  TESTING      25 %     10 %     Activation 12.0 % within 1 d …",
      "feat_search        ROLLED BACK  0 %      10 %     the till is on fire [2J ]0;ow…",
      "feat_unjudged      closed       25 %     10 %",
      "exit code 0",
      "$",
    ]);
  });

  test("at 120 columns there is more of the sentence", async () => {
    const screen = open("status", LARGE);
    expect((await screen.shows("exit code 0")).slice(0, 2)).toEqual([
      "FEATURE            STATE        ROLLOUT  HOLDOUT  WHY",
      "feat_new_checkout  TESTING      25 %     10 %     Activation 12.0 % within 1 d (289 of 2,410 mature; 12 not yet mature)…",
    ]);
  });

  test("colours are on a terminal alone, and not with NO_COLOR or a dumb one", async () => {
    const escapes = async (more: Readonly<Record<string, string>>, pipe = ""): Promise<boolean> => {
      const command = `script -qec '${process.execPath} origin/cli/main.ts status ${pipe}' /dev/null | grep -c "$(printf '\\033')"`;
      const screen = openScreen(command, { width: 80, height: 24, env: { ...env, ...more } });
      screens.push(screen);
      const lines = await screen.shows(/^\d+$/m);
      return lines.find((line) => /^\d+$/.test(line)) !== "0";
    };
    expect(await escapes({})).toBe(true);
    expect(await escapes({ NO_COLOR: "1" })).toBe(false);
    expect(await escapes({}, "| cat")).toBe(false);
  });
});

describe("why", () => {
  test("at 80 columns a paragraph stands for each signal", async () => {
    const screen = open("why feat_new_checkout", SMALL);
    const lines = await screen.shows("exit code 0");
    expect(lines.slice(0, 12)).toEqual([
      "Activation 12.0 % within 1 d (289 of 2,410 mature; 12 not yet mature) against a",
      "floor of 15.0 %, evidence 12 : 1 of 50,000 : 1. Wait.",
      "",
      "activation",
      "  treatment      12.0 % of 2,410",
      "  95 % interval  10.0 % to 14.0 %",
      "  holdout        –",
      "  threshold      15.0 %",
      "  rollback       12 : 1 of 49,021 : 1",
      "  keep           –",
      "",
      "Units",
    ]);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("at 120 columns the signals are a table", async () => {
    const screen = open("why feat_new_checkout", LARGE);
    const lines = await screen.shows("exit code 0");
    expect(lines.slice(0, 8)).toEqual([
      "feat_new_checkout (shadow)",
      "Activation 12.0 % within 1 d (289 of 2,410 mature; 12 not yet mature) against a floor of 15.0 %,",
      "evidence 12 : 1 of 50,000 : 1. Wait.",
      "",
      "SIGNAL      TREATMENT        95 % INTERVAL     HOLDOUT  THRESHOLD  ROLLBACK              KEEP",
      "activation  12.0 % of 2,410  10.0 % to 14.0 %  –        15.0 %     12 : 1 of 49,021 : 1  –",
      "",
      "Units",
    ]);
  });
});

describe("watch", () => {
  test.each([SMALL, LARGE])(
    "at %i×%i it follows what happens, and Ctrl-C gives the terminal back",
    async (...size) => {
      const id = `feat_watched_${size[0]}`;
      const screen = open("watch", size);
      await screen.shows("watching; Ctrl-C ends it");
      await origin.admin("POST", "/features", { featureId: id, enabled: true, rolloutBps: 500 });
      await screen.shows(new RegExp(`${id} +open`));
      await origin.admin("POST", `/features/${id}/rollback`, { reason: "enough seen" });
      const lines = await screen.shows(new RegExp(`${id} +ROLLED BACK[\\s\\S]*rollback by admin`));
      expect(lines.length).toBeLessThanOrEqual(size[1]);
      expect(lines[0]).toMatch(/^Sluice: \d features +watching; Ctrl-C ends it$/);
      expect(lines[2]).toMatch(/^FEATURE +STATE +ROLLOUT +HOLDOUT +WHY$/);
      expect(lines.indexOf("What happened")).toBeGreaterThan(3);
      screen.press("C-c");
      const after = await screen.shows("exit code 0");
      expect(after.join("\n")).not.toContain("What happened");
    },
  );

  test("with --lines it writes a line for each event", async () => {
    const dumb = open("watch --lines", SMALL, {});
    await dumb.shows("watching; Ctrl-C ends it");
    await origin.admin("POST", "/features", { featureId: "feat_lines" });
    expect(await dumb.shows("feat_lines  create by admin at revision")).not.toContain("What happened");
    dumb.press("C-c");
    await dumb.shows("exit code 0");
  });

  test("an origin that goes away is said on the screen, and does not end it", async () => {
    const own = await startOrigin({ DATABASE_URL: database.url, ROLES: "admin" });
    const screen = open(`watch --origin ${own.url}`, SMALL);
    await screen.shows("watching; Ctrl-C ends it");
    await own.end("SIGKILL");
    await screen.shows("the connection has ended; trying again");
    screen.press("C-c");
    await screen.shows("exit code 0");
  });
});
