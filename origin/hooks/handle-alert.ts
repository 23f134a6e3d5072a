// One alert through one hook: what it is about, whether that may be closed, and the rollback. An alert closes at most once for
// each firing, and never what was opened after it began. It opens nothing.
import type { FeatureId } from "../../shared/ids.ts";
import type { FeatureChanges } from "../features/change-feature.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import type { Alert } from "./alert.ts";
import type { AlertResult, Outcome } from "./alert-result.ts";
import { mayClose, targetOf, type Target } from "./alert-target.ts";
import { cleanText } from "./clean-text.ts";
import type { SeenAlert } from "./delivery-table.ts";
import type { Hook } from "./hook.ts";

const MAX_REASON = 1_500;
/** Each time another change of the feature came first. */
const MAX_ATTEMPTS = 10;

/** The reason in the audit. Who wrote the alert's text is not trusted: it is on one line, bounded, and text only. */
export const reasonOf = ({ name }: Pick<Hook, "name">, { title, text }: Alert): string =>
  cleanText(text === "" ? `${title} (alert of ${name})` : `${title} (alert of ${name}): ${text}`, MAX_REASON);

/** What the audit keeps of the alert beside the reason. */
export const evidenceOf = (
  { name, source }: Pick<Hook, "name" | "source">,
  { key, title, text, link, beganAt, labels }: Alert,
) => ({
  alert: { hook: name, source, key, title, text, link, beganAt, labels: Object.fromEntries(labels) },
});

type Said = { outcome: Outcome; detail: string } & Partial<Pick<AlertResult, "featureIds" | "revision">>;

const idsText = (featureIds: readonly FeatureId[]): string => featureIds.join(", ");

const whyClosedNothing = (target: Target): Said =>
  "tag" in target
    ? {
        outcome: "alreadyClosed",
        detail: `no feature with the tag ${target.tag} that was open when it began is open now`,
      }
    : { outcome: "alreadyClosed", detail: `${target.featureId} is closed already` };

export type HandleAlert = ReturnType<typeof makeHandleAlert>;

export const makeHandleAlert = ({
  features,
  changes,
}: {
  features: Pick<FeatureReads, "getFeature" | "previewRollback">;
  changes: Pick<FeatureChanges, "rollbackFeature" | "rollbackTag">;
}) => {
  const closeTag = async (
    hook: Hook,
    alert: Alert,
    { tag, beganAt, isCarriedOut }: { tag: string; beganAt: Date; isCarriedOut: boolean },
  ): Promise<Said> => {
    if (!isCarriedOut) {
      const featureIds = await features.previewRollback({ tag, openedBefore: beganAt });
      return featureIds.length === 0
        ? whyClosedNothing({ tag })
        : { outcome: "wouldRollBack", detail: `would close ${idsText(featureIds)}`, featureIds };
    }
    const by = { actor: `hook:${hook.name}`, reason: reasonOf(hook, alert) };
    const changed = await changes.rollbackTag(tag, by, {
      evidence: evidenceOf(hook, alert),
      openedBefore: beganAt,
    });
    if (!changed.ok) throw new Error(`the rollback of the tag ${tag} was refused: ${changed.error.reason}`);
    if (changed.value === null) return whyClosedNothing({ tag });
    const featureIds = changed.value.features.map(({ featureId }) => featureId);
    return {
      outcome: "rolledBack",
      detail: `closed ${idsText(featureIds)}`,
      featureIds,
      revision: changed.value.revision,
    };
  };

  const closeFeature = async (
    hook: Hook,
    alert: Alert,
    { featureId, beganAt, isCarriedOut }: { featureId: FeatureId; beganAt: Date; isCarriedOut: boolean },
  ): Promise<Said> => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const record = await features.getFeature(featureId);
      // Whoever may not close a feature does not learn whether it exists.
      if (!mayClose(hook, { featureId, tags: record?.tags ?? [] }))
        return { outcome: "notAllowed", detail: `this hook may not close ${featureId}` };
      if (record === null) return { outcome: "unknownFeature", detail: `there is no feature ${featureId}` };
      if (!record.state.enabled) return whyClosedNothing({ featureId });
      if (record.epochStartedAt > beganAt)
        return {
          outcome: "beganBefore",
          detail: `it began before ${featureId} was opened at ${record.epochStartedAt.toISOString()}`,
        };
      if (!isCarriedOut) {
        const featureIds = await features.previewRollback({ featureId });
        return { outcome: "wouldRollBack", detail: `would close ${idsText(featureIds)}`, featureIds };
      }
      const by = { actor: `hook:${hook.name}`, reason: reasonOf(hook, alert) };
      const changed = await changes.rollbackFeature(
        { featureId, expectedVersion: record.state.version, evidence: evidenceOf(hook, alert) },
        by,
      );
      if (changed.ok)
        return {
          outcome: "rolledBack",
          detail: `closed ${featureId}`,
          featureIds: [featureId],
          revision: changed.value.revision,
        };
      // Its tags or its epoch may be others now: everything is asked again.
    }
    throw new Error(`the rollback of ${featureId} lost to other changes ${MAX_ATTEMPTS} times in a row`);
  };

  /** `seen`: what is known of this firing. `isCarriedOut`: not in shadow, and not tried out. */
  return async (
    hook: Hook,
    alert: Alert,
    { seen, isCarriedOut }: { seen: SeenAlert; isCarriedOut: boolean },
  ): Promise<AlertResult> => {
    const say = async (): Promise<Said> => {
      if (alert.status === "resolved")
        return { outcome: "resolved", detail: "it is over; a person opens what was closed" };
      if (alert.status === "other")
        return { outcome: "ignored", detail: "it neither begins nor ends anything" };
      if (seen.actedAt !== null)
        return { outcome: "repeated", detail: `it was carried out at ${seen.actedAt.toISOString()}` };
      const target = targetOf(hook, alert.labels);
      if (!target.ok) return target.error;
      // A sender's clock may be ahead; nothing that was heard of begins later than that.
      const beganAt = alert.beganAt < seen.firstSeenAt ? alert.beganAt : seen.firstSeenAt;
      return "tag" in target.value
        ? closeTag(hook, alert, { tag: target.value.tag, beganAt, isCarriedOut })
        : closeFeature(hook, alert, { featureId: target.value.featureId, beganAt, isCarriedOut });
    };
    return { key: alert.key, title: alert.title, featureIds: [], revision: null, ...(await say()) };
  };
};
