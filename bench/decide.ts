// How often a decision rule rolls back a good feature, and how fast a bad one; exact where possible, else simulated.
import { makeRandom } from "./decide/binomial.ts";
import { forecastRule } from "../origin/decide/planning/forecast.ts";
import { unitsToRollback } from "../origin/decide/planning/power.ts";
import { parseArgs } from "node:util";
import { configurations, countingEveryRequest, soonerConfigurations } from "./decide/configurations.ts";
import { secondsOfOneEvaluation } from "./decide/cpu.ts";
import { boundaryOf, rollbackCurve, usersAt, type Design, type RollsBack } from "./decide/exact.ts";
import { usersToRollback } from "./decide/holdout-power.ts";
import { minutesToSlowRollback, SLOW_SITES, steadySite } from "./decide/cold-starts.ts";
import { falseRollbacks, FOR_EVER, liveThrough, MISFORTUNES, NOTHING } from "./decide/misfortunes.ts";
import { usersToBoth } from "./decide/second-bar.ts";
import { minutesOfBestTest, minutesToRollback } from "./decide/launch.ts";
import { alphaShares } from "../origin/decide/alpha-shares.ts";
import { median, percentile } from "./figures.ts";
import { ACTIVATION_ALONE, oneSignal, patternRule, ruleFor, sluiceRule } from "./decide/rules.ts";
import { plainRates, tiltedRates, type Estimate } from "./decide/tilted.ts";
import { alarmsWhileHealthy, usersToNotice } from "./decide/watch.ts";

const ALPHA = 0.0004;
const LOOKS: Design = { every: 50, upTo: 50_000 };
const EVERY_USER: Design = { every: 1, upTo: 50_000 };
const THRESHOLDS = [0.02, 0.15, 0.4] as const;
const HEALTHY = [1, 1.2] as const;
const BAD = [0.5, 0.7, 0.8, 0.9] as const;
/** `--lives N`: simulated lives of each kind; `--quick` is for a look. */
const { values: options } = parseArgs({
  options: { lives: { type: "string" }, quick: { type: "boolean" }, json: { type: "boolean" } },
});
const LIVES = Number(options.lives ?? (options.quick === true ? 100 : 1_000));
/** Lives of a row that is counted: 8,000 without a rollback show that the rate is below 0.04 %. */
const COUNTED = LIVES * 8;

const percent = (share: number): string =>
  share === 0 ? "0" : share < 1e-6 ? "~0" : `${Number((share * 100).toPrecision(2))} %`;
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

const alone = ruleFor({ activationThreshold: 0.15, falseRollbackRate: ALPHA / ACTIVATION_ALONE });
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

const plan = forecastRule(alone, { usersPerDay: 10_000, holdoutUsersPerDay: 0 });
const planned = plan[0]?.rollback.map(({ users }) => users ?? Infinity) ?? [];
say(row("plan-test's forecast (the median)", ["", "", ...planned]));

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

const AT = [0.05, 0.004, ALPHA] as const;
say(
  `\nThe same where nothing exact exists, simulated: share of lives that ever reach 1/α (95 % upper end of the estimate).`,
);
say(
  `tilted: ${LIVES} lives of failing features, each weighted with its likelihood in truth; plain: ${LIVES} lives, counted`,
);
const wide = (name: string, cells: readonly string[]): string =>
  [name.padEnd(66), ...cells.map((cell) => cell.padStart(22))].join(" ");
const estimates = (found: readonly Estimate[]): string[] =>
  found.map(({ rate, upper }) => `${percent(rate)} (≤ ${percent(upper)})`);
say(
  wide(
    "",
    AT.map((alpha) => `α = ${alpha}`),
  ),
);
const random = makeRandom(20_260_401);
const simulated: Record<string, Estimate> = {};
for (const { name, configuration } of configurations(ALPHA, THRESHOLDS)) {
  const tilted = tiltedRates(configuration, AT, LIVES, random);
  say(wide(name, estimates(tilted)));
  say(wide("  plain", estimates(plainRates(configuration, AT, LIVES, random))));
  const last = tilted.at(-1);
  if (last !== undefined) simulated[name] = last;
}
for (const { name, configuration } of soonerConfigurations(ALPHA, 0.4))
  say(wide(`${name}; plain`, estimates(plainRates(configuration, AT, COUNTED, random))));
for (const pageViews of [5, 30]) {
  const naive = plainRates(countingEveryRequest(pageViews), AT, LIVES, random);
  say(
    wide(`not used: every request a witness, ${pageViews} page views a bucket, no holdout`, estimates(naive)),
  );
}
const worst = Math.max(...Object.values(simulated).map(({ upper }) => upper));
say("looks at any other times see a part of these looks; no evaluation comes between two buckets");
say(
  "Ville's inequality bounds every row by its α but those with bursts and no holdout: a burst that spans two buckets makes the second predictable",
);
say(`highest upper end at α = ${ALPHA}: ${percent(worst)} (bound: ${percent(ALPHA)})`);

say("\nWatch after KEEP, bar 2,500 (one signal)");
const logBar = -Math.log(ALPHA);
const watched = ruleFor({ activationThreshold: 0.15 });
const batches = LIVES * 2_000;
const alarms = alarmsWhileHealthy(watched, { batches, logBar }, random);
say(
  `exactly at the threshold: ${alarms} alarms in ${batches} batches of 50 users, one in ${Math.round(batches / Math.max(1, alarms))}`,
);
const noticed = Array.from({ length: Math.min(LIVES, 1_000) }, () =>
  usersToNotice(watched, { healthyUsers: 20_000, healthy: 1, ratio: 0.5, logBar }, random),
);
const noticedUsers = noticed.map((one) => one.watched);
say(
  `20,000 healthy users, then half: noticed after ${median(noticedUsers)} users (median), ${percentile(noticedUsers, 0.9)} (p90); ` +
    `without the watch after ${median(noticed.map((one) => one.cumulative))}`,
);

say(
  "\nLaunch with a holdout, 1,000 new users a minute on each side, activation halved, 15 % of activations in the first hour",
);
const launchMinutes: Record<string, number[]> = {};
for (const rate of [0.15, 0.3]) {
  const rule = ruleFor({
    activationThreshold: rate,
    retentionThreshold: 0.4,
    minCohortSize: 5_000,
    compare: { activation: "holdout", retention: "holdout" },
  });
  const launches = Math.min(LIVES, 500);
  const minutes = Array.from({ length: launches }, () =>
    minutesToRollback(rule, { ratio: 0.5, minutes: 120 }, random),
  );
  const bar = 1 / (alphaShares(rule).activation * ALPHA);
  const best = Array.from({ length: launches }, () =>
    minutesOfBestTest({ rate, ratio: 0.5, bar, minutes: 120 }, random),
  );
  const summary = (all: readonly number[]) =>
    `${median(all).toFixed(0)} min (median), ${percentile(all, 0.9).toFixed(0)} min (p90), ` +
    `${percent(all.filter((one) => one <= 45).length / all.length)} within 45 min`;
  launchMinutes[rate] = [median(minutes), percentile(minutes, 0.9)];
  say(`holdout activates ${percent(rate)}: rolled back after ${summary(minutes)}`);
  say(`  the best possible test, which knows the effect and sees every activation at once: ${summary(best)}`);
}

const atMostOf = (hits: number, lives: number): number => {
  // Clopper–Pearson would need the inverse beta; of none seen, three in as many lives is its 95 % upper end.
  const z = 1.96;
  const centre = (hits + (z * z) / 2) / (lives + z * z);
  const half = (z / (lives + z * z)) * Math.sqrt((hits * (lives - hits)) / lives + (z * z) / 4);
  return hits === 0 ? 3 / lives : centre + half;
};
const counted = (hits: number, lives: number): string =>
  `${percent(hits / lives)} of ${lives} (≤ ${percent(atMostOf(hits, lives))})`;

say(
  "\nFalse rollbacks of a feature that is as good as its holdout, at 1.2 times its floors, when something befalls everybody",
);
say(
  "8 hours in buckets of 3 minutes, 100 users each; whole evaluations, the feature is kept on its way (bound: 0.04 %)",
);
say(
  `weighted: the rate by ${LIVES} lives, most of a feature that is worse than its holdout, each with its likelihood in truth (95 % upper end); then ${COUNTED} lives of the good one, counted`,
);
say("with a holdout Ville's inequality bounds each row before KEEP by 0.036 %, the share of both outcomes");
const misfortuneRandom = makeRandom(20_260_403);
const misfortunes: Record<string, number> = {};
const misfortunesWeighted: Record<string, Estimate> = {};
const MISFORTUNE_SITES = [
  { where: "holdout 1:1, before KEEP", holdout: 1, begins: 20 },
  { where: "holdout 1:1, after KEEP", holdout: 1, begins: 80 },
  { where: "holdout 9:1, before KEEP", holdout: 1 / 9, begins: 20 },
  { where: "holdout 9:1, after KEEP", holdout: 1 / 9, begins: 80 },
  { where: "no holdout, after KEEP", holdout: 0, begins: 80 },
] as const;
say(
  wide(
    "",
    MISFORTUNE_SITES.map(({ where }) => where),
  ),
);
for (const misfortune of MISFORTUNES) {
  const cells = MISFORTUNE_SITES.map(({ where, ...site }) => {
    if (site.holdout === 0 && misfortune === FOR_EVER) return "nobody can tell";
    let hits = 0;
    for (let life = 0; life < COUNTED; life++)
      if (liveThrough({ ...site, misfortune }, misfortuneRandom) !== null) hits++;
    const cell = `${misfortune.name}; ${where}`;
    const weighted = falseRollbacks({ ...site, misfortune }, LIVES, misfortuneRandom);
    misfortunes[cell] = hits / COUNTED;
    misfortunesWeighted[cell] = weighted;
    return `${estimates([weighted]).join("")}, ${hits}`;
  });
  say(wide(misfortune.name, cells));
}
const worstMisfortune = Math.max(...Object.values(misfortunesWeighted).map(({ upper }) => upper));
say(`highest upper end: ${percent(worstMisfortune)} (bound: ${percent(ALPHA)})`);
say("minutes from the beginning of a failure to the rollback, the same sites: activation halved (median)");
say(
  wide(
    "",
    MISFORTUNE_SITES.map(({ holdout, begins }) => {
      const lives = Array.from({ length: Math.min(LIVES, 200) }, () =>
        liveThrough({ holdout, begins, misfortune: NOTHING, failing: 0.5 }, misfortuneRandom),
      );
      return `${3 * median(lives.map((life) => (life === null ? Infinity : life.rolledBackAt - begins)))} min`;
    }),
  ),
);

say("\nLatency without a holdout, at most 5 % slow allowed, buckets of a minute: false rollbacks");
for (const site of SLOW_SITES) {
  const hits = Array.from({ length: COUNTED }, () => minutesToSlowRollback(site, misfortuneRandom)).filter(
    (minutes) => minutes !== null,
  ).length;
  misfortunes[site.name] = hits / COUNTED;
  say(wide(site.name, [counted(hits, COUNTED)]));
}
for (const [rate, requests] of [
  [1, 200],
  [1, 20],
  [1, 2],
  [0.2, 200],
  [0.2, 20],
  [0.08, 200],
] as const) {
  const site = steadySite(rate, requests);
  const minutes = Array.from({ length: 50 }, () => minutesToSlowRollback(site, misfortuneRandom) ?? Infinity);
  say(wide(`found: ${site.name}`, [`after ${median(minutes)} min`]));
}

say(
  "\nThe price of the second bar: treatment users to rollback as median/p90 (floor 15 %, bar 6,250, a look every 50)",
);
say(wide("treatment : holdout, effect", ["floor alone", "both, 100 : 1", "both, 6,250 : 1 (ours)"]));
const priceRandom = makeRandom(20_260_404);
const price: Record<string, string[]> = {};
for (const [name, holdoutPerUnit] of [
  ["1 : 1", 1],
  ["2 : 1", 1 / 2],
  ["9 : 1", 1 / 9],
] as const)
  for (const ratio of [0.5, 0.8]) {
    const cells = [1, 100, 6_250].map((secondBar) => {
      const users = Array.from({ length: Math.min(LIVES, 200) }, () =>
        usersToBoth({ holdoutPerUnit, ratio, secondBar }, priceRandom),
      );
      return `${median(users)}/${percentile(users, 0.9)}`;
    });
    price[`${name}, ${ratio}×`] = cells;
    say(wide(`${name}, ${ratio}×`, cells));
  }

const planRandom = makeRandom(20_260_402);
say(
  "\nplan-test's forecast beside a holdout of 15 %, and what simulated features take: mature users (median)",
);
say(
  row(
    "",
    BAD.map((ratio) => `${ratio}×`),
  ),
);
for (const holdoutPerUnit of [1, 0.1]) {
  const forecasts = BAD.map((ratio) =>
    unitsToRollback({ threshold: 0.15, logBar, holdoutPerUnit }, ratio * 0.15),
  );
  const found = BAD.map((ratio) =>
    median(
      Array.from({ length: Math.min(LIVES, 200) }, () =>
        usersToRollback({ threshold: 0.15, ratio, holdoutPerUnit, logBar }, planRandom),
      ),
    ),
  );
  say(
    row(
      `holdout ${holdoutPerUnit * 100} % of treatment: forecast/found`,
      forecasts.map((one, i) => `${one}/${found[i]}`),
    ),
  );
}

const rounds = secondsOfOneEvaluation().map((seconds) => seconds * 1e6);
const evaluationMicros = median(rounds);
say(
  `\nOne evaluation (three signals, holdout, all ages: accumulate a bucket in each and decide): ${evaluationMicros.toFixed(1)} µs of CPU ` +
    `(median of ${rounds.length} rounds, ${Math.min(...rounds).toFixed(1)} to ${Math.max(...rounds).toFixed(1)})`,
);

say(`\n${Math.ceil(process.cpuUsage().user / 1e6)} s of CPU on one core`);

if (options.json === true) {
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
      falseRollbackSimulated: simulated,
      lives: LIVES,
      watch: { batchesPerAlarm: batches / Math.max(1, alarms), medianUsers: median(noticedUsers) },
      launchMinutesMedianP90: launchMinutes,
      misfortunes,
      misfortunesWeighted,
      secondBar: price,
      checkMicros: evaluationMicros,
    }),
  );
}
