// How often a good feature is rolled back where no exact computation exists. One in 2,500 is too rare to count: ten thousand
// lives of good features show four of them. So lives are drawn from worlds in which the feature fails, where rollbacks are
// common, and each rollback is weighted with how likely its life would have been in truth, divided by how likely it was in
// the worlds it may have come from (importance sampling; Owen & Zhou, "Safe and effective importance sampling", weigh by the
// mixture of the worlds, which keeps weights bounded). Plain lives, which need no such argument, stand beside it.
import { decide } from "../../origin/decide/decide.ts";
import type { Evidence } from "../../origin/decide/evidence.ts";
import type { Rule } from "../../shared/features/rule.ts";
import type { Random } from "./binomial.ts";
import type { SignalLife, SimulatedSignal } from "./signal-lives.ts";

export type Configuration = {
  /** With the share of α that each may spend. */
  readonly signals: readonly { readonly signal: SimulatedSignal; readonly share: number }[];
  /** Sum of the shares: the signals together may spend this part of the rule's α. */
  readonly spent: number;
  /** What decides in production on the same evidence, to be asked whether it agrees; null where nothing in production does. */
  readonly product: { readonly rule: Rule; readonly empty: Evidence } | null;
};

export type Estimate = { readonly rate: number; readonly upper: number };

/** Part of the lives that are drawn from the truth: no weight is above its inverse. */
const TRUTH_PART = 0.1;

const Z = 1.96;

type World = { readonly signal: number; readonly tilt: number } | null;

const worldsOf = ({ signals }: Configuration): World[] =>
  signals.flatMap(({ signal: { tilts } }, signal) =>
    Array.from({ length: tilts }, (_, tilt) => ({ signal, tilt })),
  );

const isRolledBack = (
  { rule, empty }: NonNullable<Configuration["product"]>,
  lives: readonly SignalLife[],
): boolean =>
  decide({
    evidence: lives.reduce((evidence, life) => life.into(evidence), empty),
    rule,
    history: { epoch: 1, ruleVersion: 1, decided: null, cause: [] },
    telemetry: { lagSeconds: 0, activationIsMeasured: true },
    now: 0,
  }).action === "ROLLBACK";

/**
 * Lives until the last of `alphas` (falling) is reached or everything is known, and hands over each first time with the lives of the
 * signals as they are then. Whether 1/α is reached is decided by the evidence; for the rule's own α, by `decide` itself.
 */
const live = (
  { signals, spent, product }: Configuration,
  world: World,
  alphas: readonly number[],
  random: Random,
  onReached: (alpha: number, lives: readonly SignalLife[]) => void,
): void => {
  const lives = signals.map(({ signal }, index) =>
    signal.begin(world?.signal === index ? world.tilt : null, random),
  );
  const until = Math.max(...signals.map(({ signal }) => signal.duration));
  let next = 0;
  let most = -Infinity;
  for (let time = 0; time <= until; time++) {
    for (const [index, life] of lives.entries())
      if (life.pass(time))
        most = Math.max(most, life.logEvidence() + Math.log((signals[index]?.share ?? 0) / spent));
    for (let alpha = alphas[next]; alpha !== undefined && most >= -Math.log(alpha); alpha = alphas[next]) {
      if (
        product !== null &&
        Math.abs(alpha / spent / product.rule.falseRollbackRate - 1) < 1e-9 &&
        !isRolledBack(product, lives)
      )
        throw new Error("the bench and decide() disagree about a rollback");
      onReached(alpha, lives);
      next++;
    }
    if (next === alphas.length) return;
    most = -Infinity;
  }
};

/** By the sum of the weights of `count` lives, 0 for one that was not rolled back, and the sum of their squares. */
export const estimateOf = ({
  sum,
  squares,
  count,
}: {
  sum: number;
  squares: number;
  count: number;
}): Estimate => {
  const rate = sum / count;
  return { rate, upper: rate + Z * Math.sqrt((squares / count - rate ** 2) / count) };
};

/** Rate at which 1/α is ever reached, for each α (falling), from `count` lives of failing features, each weighted. */
export const tiltedRates = (
  configuration: Configuration,
  alphas: readonly number[],
  count: number,
  random: Random,
): Estimate[] => {
  const worlds = worldsOf(configuration);
  const part = (1 - TRUTH_PART) / worlds.length;
  const sums = alphas.map(() => ({ sum: 0, squares: 0 }));
  for (let index = 0; index < count; index++) {
    const isTruth = random() < TRUTH_PART;
    const world = isTruth ? null : (worlds[Math.floor(random() * worlds.length)] ?? null);
    live(configuration, world, alphas, random, (alpha, lives) => {
      let mixture = TRUTH_PART;
      for (const { logRatios } of lives) for (const ratio of logRatios) mixture += part * Math.exp(ratio);
      const total = sums[alphas.indexOf(alpha)];
      if (total === undefined) return;
      total.sum += 1 / mixture;
      total.squares += 1 / mixture ** 2;
    });
  }
  return sums.map((weights) => estimateOf({ ...weights, count }));
};

/** The same from `count` lives of features that are exactly good enough, counted (Wilson's interval). */
export const plainRates = (
  configuration: Configuration,
  alphas: readonly number[],
  count: number,
  random: Random,
): Estimate[] => {
  const hits = alphas.map(() => 0);
  for (let index = 0; index < count; index++)
    live(configuration, null, alphas, random, (alpha) => {
      const at = alphas.indexOf(alpha);
      hits[at] = (hits[at] ?? 0) + 1;
    });
  return hits.map((hit) => {
    const centre = (hit + (Z * Z) / 2) / (count + Z * Z);
    const half = (Z / (count + Z * Z)) * Math.sqrt((hit * (count - hit)) / count + (Z * Z) / 4);
    return { rate: hit / count, upper: centre + half };
  });
};
