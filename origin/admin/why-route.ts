// Why a feature is as it is, in one document: for the console, the CLI and whoever is woken at night.
import type { EvaluationReads } from "../evaluate/evaluation-reads.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import type { FeatureRecord } from "../features/feature-record.ts";
import { operatorWarnings } from "../../shared/features/operator-fields.ts";
import type { Schedules } from "../features/schedules/make-schedules.ts";
import type { AdminApp } from "./admin-context.ts";
import { upcomingDocument } from "./documents/upcoming.ts";
import { FeatureParams } from "./documents/feature.ts";
import { WhyDocument } from "./documents/why.ts";
import { findFeature, fileWarnings } from "./feature-answers.ts";
import { addOperation } from "./operation.ts";

type Verdict = { readonly sentence: string } | null;

const summaryOf = (record: FeatureRecord, verdict: Verdict, hasRule: boolean, exposed: number): string => {
  const { state, rolledBackAt, rollbackReason } = record;
  if (rolledBackAt !== null) return `Rolled back: ${rollbackReason ?? "no reason was given"}`;
  if (!state.enabled) return "Closed: a person opens it.";
  if (!hasRule) return "Open, and not judged: it has no rule.";
  if (verdict !== null) return verdict.sentence;
  return exposed === 0
    ? "Open, and nobody is counted yet: no visitor met it, or their telemetry has not arrived."
    : "Open, and not evaluated yet.";
};

const activationWarning = ({ state }: FeatureRecord, activationThreshold: number | undefined): string[] =>
  state.activation === null && activationThreshold !== undefined && activationThreshold > 0
    ? [
        "the feature names no request that counts as activation: only spans of your own and page events can tell it",
      ]
    : [];

export const addWhyRoute = (
  api: AdminApp,
  options: {
    features: Pick<FeatureReads, "getFeature" | "getRule">;
    evaluation: EvaluationReads;
    schedules: Pick<Schedules, "upcoming">;
  },
): void => {
  const { features, evaluation, schedules } = options;
  addOperation(
    api,
    {
      method: "get",
      path: "/features/{featureId}/why",
      operationId: "explainVerdict",
      tag: "Evaluations",
      summary: "Why a feature is as it is, and what comes next",
      description:
        "State, each signal with its counts, interval and evidence, what is missing, when a decision is to be expected at the last day's traffic, what would have to happen for the other one, and warnings.",
      scope: "viewer",
      params: FeatureParams,
      answers: { 200: { description: "The explanation.", schema: WhyDocument } },
    },
    async (request) => {
      const { context } = request;
      const [found, stored] = await Promise.all([
        findFeature(request, features),
        features.getRule(request.params.featureId),
      ]);
      if (!found.ok) return found.error;
      const record = found.value;
      const { featureId, version, epoch, enabled, rolloutBps, holdoutBps } = record.state;
      const rule = stored?.rule ?? null;
      const shares = { rolloutBps, holdoutBps };
      const [explained, checkedAt, notCounted, botRequests, setAside, telemetry, upcoming] =
        await Promise.all([
          evaluation.why({ featureId, epoch, epochStartedAt: record.epochStartedAt, enabled, shares, rule }),
          evaluation.lastLookAt(featureId),
          evaluation.readNotCounted(featureId, epoch),
          evaluation.countBotRequests(featureId, epoch),
          evaluation.readSetAside(featureId, epoch),
          evaluation.readRegions(),
          schedules.upcoming([featureId]),
        ]);
      const { ruleWarnings, missedWarnings, ...why } = explained;
      const exposed = why.cohorts.treatment.exposed + why.cohorts.holdout.exposed;
      return context.json({
        featureId,
        version,
        epoch,
        enabled,
        rolloutBps,
        holdoutBps,
        rolledBackAt: record.rolledBackAt,
        rollbackReason: record.rollbackReason,
        owner: record.owner,
        description: record.description,
        link: record.link,
        removeAfter: record.removeAfter,
        lockdown: record.lockdown,
        managedBy: record.managedBy,
        mode: rule?.mode ?? null,
        summary: summaryOf(record, why.verdict, rule !== null, exposed),
        ...why,
        checkedAt,
        warnings: [
          ...missedWarnings,
          ...(setAside === null
            ? []
            : [`${setAside.spans} spans cannot be counted and wait: ${setAside.reason}`]),
          ...telemetry
            .filter(({ waitsFrom }) => waitsFrom !== null)
            .map(({ region }) => `no telemetry comes from region ${region}: its people are held back`),
          ...(rule !== null && holdoutBps === 0
            ? ["there is no holdout: what befalls everybody cannot be told from what the feature does"]
            : []),
          ...activationWarning(record, rule?.activationThreshold),
          ...ruleWarnings,
          ...operatorWarnings(record, new Date()),
          ...fileWarnings(record),
        ],
        schedules: upcoming.map(upcomingDocument),
        notCounted,
        botRequests,
        telemetry,
      });
    },
  );
};
