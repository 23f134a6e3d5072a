// How often a decision rule rolls back a good feature, and how fast a bad one; exact where possible, else simulated.
import { gridLogKeepEvidence } from "../origin/decide/rate-evidence.ts";
import { SLOW_SHARE } from "../origin/decide/fold.ts";
import { makeRandom } from "./decide/binomial.ts";
import { secondsOfOneCheck } from "./decide/cpu.ts";
import { boundaryOf, rollbackCurve, usersAt, type Design, type RollsBack } from "./decide/exact.ts";
import { minutesToRollback } from "./decide/launch.ts";
import { oneSignal, patternRule, ruleFor, sluiceRule } from "./decide/rules.ts";
import { activationBuckets, burstyLatency, mostWorseEvidence } from "./decide/simulate.ts";
import { alarmsWhileHealthy, usersToNotice } from "./decide/watch.ts";

const ALPHA = 0.0004;
const LOOKS: Design = { every: 50, upTo: 50_000 };
const EVERY_USER: Design = { every: 1, upTo: 50_000 };
const THRESHOLDS = [0.02, 0.15, 0.4] as const;
const HEALTHY = [1, 1.2] as const;
const BAD = [0.5, 0.7, 0.8, 0.9] as const;
/** `--quick` is for a look; the figures in the documents come from the full number of simulated lives. */
const LIVES = process.argv.includes("--quick") ? 200 : 10_000;

const percent = (share: number): string =>
  share === 0 ? "0" : share < 1e-6 ? "~0" : `${Number((share * 100).toPrecision(2))} %`;
const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((one, other) => one - other)[Math.ceil(q * values.length) - 1] ?? Number.NaN;
const say = (text = ""): void => console.log(text);

type Measured = { false: number[]; median: number[]; p90: number[] };

const measure = (rollsBack: RollsBack, threshold: number): Measured => {
  const boundary = boundaryOf(rollsBack, LOOKS);
  const curveAt = (ratio: number) => rollbackCurve(boundary, LOOKS, ratio * threshold);
  const bad = BAD.map(curveAt);
  return {
    false: HEALTHY.map((ratio) => curveAt(ratio).at(-1) ?? 0),
    median: bad.map((curve) => usersAt(curve, LOOKS.every, 0.5) ?? Infinity),
    p90: bad.map((curve) => usersAt(curve, LOOKS.every, 0.9) ?? Infinity),
  };
};

const falseRate = (rollsBack: RollsBack, threshold: number, design: Design): number =>
  rollbackCurve(boundaryOf(rollsBack, design), design, threshold).at(-1) ?? 0;

const row = (name: string, cells: readonly (string | number)[]): string =>
  [name.padEnd(42), ...cells.map((cell) => String(cell).padStart(12))].join(" ");
const measuredRow = (name: string, measured: Measured): string =>
  row(name, [...measured.false.map(percent), ...measured.median.map((n, i) => `${n}/${measured.p90[i]}`)]);

/** Users that a test of fixed size needs when it knows the effect (normal approximation). */
const fixedSize = (threshold: number, ratio: number, zPower: number): number => {
  const Z_ALPHA = 3.352_795; // one-sided 0.0004
  const p = threshold * ratio;
  const spread = Z_ALPHA * Math.sqrt(threshold * (1 - threshold)) + zPower * Math.sqrt(p * (1 - p));
  return Math.ceil((spread / (threshold - p)) ** 2);
};

say("p0 = 0.15, a look after every 50 users up to 50,000; exact. Users to rollback as median/p90");
say(row("rule", ["1.0×", "1.2×", "0.5×", "0.7×", "0.8×", "0.9×"]));
say(measuredRow("posterior > .95, Beta(2,8) (the pattern)", measure(patternRule(0.15, 1), 0.15)));
say(measuredRow("same, minCohort 2000", measure(patternRule(0.15, 2000), 0.15)));
say(measuredRow("E grid, α .05", measure(oneSignal(0.15, 0.05), 0.15)));
say(measuredRow("E Beta(2,8), α .0004", measure(oneSignal(0.15, ALPHA, { alpha: 2, beta: 8 }), 0.15)));
const main = measure(oneSignal(0.15, ALPHA), 0.15);
say(measuredRow("E grid, α .0004 (Sluice's default)", main));
say(
  row("fixed n that knows the effect, 80/90 % power", [
    percent(ALPHA),
    "",
    ...BAD.map((ratio) => `${fixedSize(0.15, ratio, 0.841_621)}/${fixedSize(0.15, ratio, 1.281_552)}`),
  ]),
);

say("\nFalse rollbacks of a feature exactly at its threshold; exact, up to 50,000 users (bound: 0.04 %)");
say(
  row(
    "",
    THRESHOLDS.map((threshold) => `p0 = ${threshold}`),
  ),
);
const exactRows: { name: string; rates: number[] }[] = [
  {
    name: "one signal, a look every 50 users",
    rates: THRESHOLDS.map((p) => falseRate(oneSignal(p, ALPHA), p, LOOKS)),
  },
  {
    name: "one signal, a look at every user *",
    rates: THRESHOLDS.map((p) => falseRate(oneSignal(p, ALPHA), p, EVERY_USER)),
  },
  {
    name: "one signal with prior, every 50 users",
    rates: THRESHOLDS.map((p) =>
      falseRate(oneSignal(p, ALPHA, { alpha: 10 * p, beta: 10 * (1 - p) }), p, LOOKS),
    ),
  },
  {
    name: "activation and retention, every user **",
    rates: THRESHOLDS.map((p) => {
      const rule = ruleFor({ activationThreshold: p, retentionThreshold: p });
      const rates = (["activation", "retention"] as const).map((signal) =>
        falseRate(sluiceRule(rule, signal), p, EVERY_USER),
      );
      return rates.reduce((sum, rate) => sum + rate, 0);
    }),
  },
];
for (const { name, rates } of exactRows) say(row(name, rates.map(percent)));
say(
  "*  any other schedule of looks, random ones too, sees a part of these looks and so rolls back no more often",
);
say("** the sum of the signals' own rates, which bounds the rate whatever the dependence between them");

/** Share of lives whose evidence ever reached 1/alpha, with the upper end of its 95 % interval (Wilson). */
const reached = (most: readonly number[], alpha: number): string => {
  const hits = most.filter((logE) => logE >= -Math.log(alpha)).length;
  const n = most.length;
  const z = 1.96;
  const centre = (hits + (z * z) / 2) / (n + z * z);
  const half = (z / (n + z * z)) * Math.sqrt((hits * (n - hits)) / n + (z * z) / 4);
  return `${percent(hits / n)} (≤ ${percent(centre + half)})`;
};

const AT = [0.05, 0.004, ALPHA] as const;
say(
  `\nThe same where nothing exact exists: ${LIVES} simulated lives each, share that ever reached 1/α (95 % upper end)`,
);
const wide = (name: string, cells: readonly string[]): string =>
  [name.padEnd(62), ...cells.map((cell) => cell.padStart(22))].join(" ");
say(
  wide(
    "",
    AT.map((alpha) => `α = ${alpha}`),
  ),
);
const random = makeRandom(20_260_401);
const lives = <T>(live: () => T): T[] => Array.from({ length: LIVES }, live);
let worstHoldout = 0;
for (const threshold of THRESHOLDS) {
  const rule = ruleFor({ activationThreshold: threshold, compare: { activation: "holdout" } });
  for (const [treated, held] of [
    [50, 50],
    [90, 10],
  ] as const) {
    const most = lives(() =>
      mostWorseEvidence(
        rule,
        activationBuckets(
          { treatment: { units: treated, rate: threshold }, holdout: { units: held, rate: threshold } },
          { bucketSeconds: 180, buckets: 240 },
          random,
        ),
      ),
    );
    worstHoldout = Math.max(worstHoldout, most.filter((logE) => logE >= -Math.log(ALPHA)).length / LIVES);
    const name = `holdout ${treated}:${held} a bucket, delayed, 4 ages together, p = ${threshold}`;
    say(
      wide(
        name,
        AT.map((alpha) => reached(most, alpha)),
      ),
    );
  }
}
const latencyRule = ruleFor({ activationThreshold: 0.15 });
let worstLatency = 0;
for (const pageViews of [5, 30]) {
  const all = lives(() =>
    burstyLatency(latencyRule, { buckets: 480, pageViews }, random, (tally) =>
      gridLogKeepEvidence(tally, SLOW_SHARE),
    ),
  );
  const kinds = [
    { name: "without holdout (bucket shares)", most: all.map(({ mostAbove }) => mostAbove), counts: true },
    { name: "with holdout", most: all.map(({ mostWorse }) => mostWorse), counts: true },
    {
      name: "every request a witness (not used)",
      most: all.map(({ mostNaive }) => mostNaive),
      counts: false,
    },
  ];
  for (const { name, most, counts } of kinds) {
    say(
      wide(
        `bursty latency, ${pageViews} page views a bucket, ${name}`,
        AT.map((alpha) => reached(most, alpha)),
      ),
    );
    if (counts)
      worstLatency = Math.max(worstLatency, most.filter((logE) => logE >= -Math.log(ALPHA)).length / LIVES);
  }
}

say("\nWatch after KEEP, bar 2,500 (one signal)");
const logBar = -Math.log(ALPHA);
const watched = ruleFor({ activationThreshold: 0.15 });
const batches = LIVES * 200;
const alarms = alarmsWhileHealthy(watched, { batches, logBar }, random);
say(
  `exactly at the threshold: ${alarms} alarms in ${batches} batches of 50 users, one in ${Math.round(batches / Math.max(1, alarms))}`,
);
const noticed = Array.from({ length: Math.min(LIVES, 1_000) }, () =>
  usersToNotice(watched, { healthyUsers: 20_000, healthy: 1, ratio: 0.5, logBar }, random),
);
const noticedUsers = noticed.map((one) => one.watched);
say(
  `20,000 healthy users, then half: noticed after ${median(noticedUsers)} users (median), ${quantile(noticedUsers, 0.9)} (p90); ` +
    `without the watch after ${median(noticed.map((one) => one.cumulative))}`,
);

say(
  "\nLaunch with a holdout, 1,000 new users a minute on each side, activation halved, 15 % of activations in the first hour",
);
const launchMinutes: Record<string, number> = {};
for (const rate of [0.15, 0.3]) {
  const rule = ruleFor({
    activationThreshold: rate,
    retentionThreshold: 0.4,
    minCohortSize: 5_000,
    compare: { activation: "holdout", retention: "holdout" },
  });
  const minutes = Array.from({ length: Math.min(LIVES, 500) }, () =>
    minutesToRollback(rule, { ratio: 0.5, minutes: 120 }, random),
  );
  const within = minutes.filter((one) => one <= 45).length / minutes.length;
  launchMinutes[rate] = median(minutes);
  say(
    `holdout activates ${percent(rate)}: rolled back after ${median(minutes).toFixed(0)} min (median), ` +
      `${quantile(minutes, 0.9).toFixed(0)} min (p90), ${percent(within)} within 45 min`,
  );
}

const rounds = secondsOfOneCheck().map((seconds) => seconds * 1e6);
const checkMicros = median(rounds);
say(
  `\nOne check (three signals, holdout, all ages: fold a bucket into each and decide): ${checkMicros.toFixed(1)} µs of CPU ` +
    `(median of ${rounds.length} rounds, ${Math.min(...rounds).toFixed(1)} to ${Math.max(...rounds).toFixed(1)})`,
);

if (process.argv.includes("--json")) {
  const byRatio = (values: readonly number[]) =>
    Object.fromEntries(BAD.map((ratio, i) => [String(ratio), values[i]]));
  say(
    JSON.stringify({
      falseRollback: main.false[0],
      medianUsers: byRatio(main.median),
      p90Users: byRatio(main.p90),
      falseRollbackExact: Object.fromEntries(
        exactRows.map(({ name, rates }) => [
          name,
          Object.fromEntries(THRESHOLDS.map((p, i) => [p, rates[i]])),
        ]),
      ),
      falseRollbackSimulated: { holdout: worstHoldout, burstyLatency: worstLatency, lives: LIVES },
      watch: { batchesPerAlarm: batches / Math.max(1, alarms), medianUsers: median(noticedUsers) },
      launchMedianMinutes: launchMinutes,
      checkMicros,
    }),
  );
}
