// Asks whether a decision would stand without the units of unusual hours, before it is made.
import type { Ordinary } from "../decide/held-back.ts";
import type { AggregateView } from "./aggregates.ts";
import type { Evaluation } from "./evaluation.ts";
import { readOrdinary } from "./read-arrivals.ts";

/** `now`: unix seconds. */
export type OrdinaryOf = (
  view: AggregateView,
  evaluation: Evaluation,
  now: number,
) => Promise<Ordinary | null>;

/** While a decision is held back, its feature's hours are read again this often. */
const AGAIN_AFTER_S = 30;

/** Only KEEP, and a rollback for an outcome alone, can be held back; after KEEP unusual traffic raises no alarm (watch.ts). */
const canBeHeldBack = ({ isNew, decision }: Evaluation): boolean =>
  isNew &&
  (decision.action === "KEEP" ||
    decision.evidence.tests.some(
      ({ signal, against, ageSeconds }) =>
        against === "threshold" && ageSeconds !== null && decision.cause.includes(signal),
    ));

export const makeOrdinaryOf = (): OrdinaryOf => {
  const known = new Map<string, { readonly atS: number; readonly ordinary: Ordinary }>();
  return async (view, evaluation, now) => {
    const { target, trial } = evaluation;
    const key = `${target.epoch}:${trial.evidence.since}:${target.featureId}`;
    if (!canBeHeldBack(evaluation)) {
      known.delete(key);
      return null;
    }
    const last = known.get(key);
    if (last !== undefined && now - last.atS < AGAIN_AFTER_S) return last.ordinary;
    const ordinary = await readOrdinary(view, target, trial.evidence, now);
    if (ordinary === null) known.delete(key);
    else known.set(key, { atS: now, ordinary });
    return ordinary;
  };
};
