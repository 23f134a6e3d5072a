// Explains the evaluations that are stored, in words and numbers: it costs more than the evaluation itself.
import type { Queryable } from "../db/pool.ts";
import { explainDecision, type ExplainedDecision } from "../decide/explain-decision.ts";
import type { Evaluation } from "./evaluation.ts";
import { readBotRequests } from "./read-bot-requests.ts";

/** `explained`: null when the evaluation is not worth a row. */
export type ExplainedEvaluation = Evaluation & { readonly explained: ExplainedDecision | null };

const RESTARTED = "A new trial: evidence starts from nothing, with a fresh α.";

/** In their order. `yieldIfDue` lets other work pass. */
export const explainEvaluations = async (
  db: Queryable,
  evaluations: readonly Evaluation[],
  yieldIfDue: () => Promise<void>,
): Promise<ExplainedEvaluation[]> => {
  const worthIt = evaluations.filter((evaluation) => evaluation.isWorthStoring);
  const botRequests = await readBotRequests(
    db,
    worthIt.map(({ target }) => target),
  );
  const results: ExplainedEvaluation[] = [];
  for (const evaluation of evaluations) {
    const { target, trial, decision } = evaluation;
    if (!evaluation.isWorthStoring) {
      results.push({ ...evaluation, explained: null });
      continue;
    }
    const explained = explainDecision(decision, target.rule, botRequests.get(target.featureId) ?? 0);
    const reason = trial.restarted ? `${explained.reason} ${RESTARTED}` : explained.reason;
    results.push({ ...evaluation, explained: { ...explained, reason } });
    await yieldIfDue();
  }
  return results;
};
