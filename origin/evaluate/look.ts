// Looks at a batch of targets: reads the buckets that have matured, accumulates them, decides. Stores nothing.
import type { AggregateView } from "./aggregates.ts";
import { evaluateTrial, type Evaluation } from "./evaluation.ts";
import type { OrdinaryOf } from "./ordinary-of.ts";
import { readMature, type EvaluationClock } from "./read-mature.ts";
import type { EvaluationTarget } from "./targets.ts";
import { currentTrial } from "./trials.ts";
import { updateTrial } from "./update-trial.ts";

/** The same for all batches of one round of evaluations. */
export type Round = {
  readonly clock: EvaluationClock;
  /** Where the counts are, and whose are held back. */
  readonly view: AggregateView;
  /** The lag by which guards go: asked for anew with each decision. null: unknown. */
  readonly lagSeconds: () => number | null;
  /** Of an evaluation that would decide: its evidence without unusual hours; null where there are none. */
  readonly ordinaryOf: OrdinaryOf;
  /** To be awaited between two pieces of work: it lets other work of the process pass. */
  readonly yieldIfDue: () => Promise<void>;
};

export const lookAt = async (
  batch: readonly EvaluationTarget[],
  { clock, view, lagSeconds, ordinaryOf, yieldIfDue }: Round,
): Promise<Evaluation[]> => {
  const trials = batch.map((target) => ({ target, trial: currentTrial(target, clock.now) }));
  const mature = await readMature(view, trials, clock);
  const evaluations: Evaluation[] = [];
  for (const [index, { target, trial }] of trials.entries()) {
    const found = mature[index];
    if (found === undefined) continue;
    const updated = updateTrial(target, trial, found, clock.now);
    const given = { now: clock.now, lagSeconds: lagSeconds() };
    const evaluation = evaluateTrial(target, updated, given);
    const ordinary = await ordinaryOf(view, evaluation, clock.now);
    evaluations.push(ordinary === null ? evaluation : evaluateTrial(target, updated, { ...given, ordinary }));
    await yieldIfDue();
  }
  return evaluations;
};
