// One feature: what Sluice thinks of it and why, its signals, where the last change has arrived, and what a person may do.
// Each section is a file of console/src/feature.
import { useRoute } from "preact-iso";
import { useState } from "preact/hooks";
import { whyNot } from "../api.ts";
import { explainVerdict, getFeature, getRule } from "../client.gen.ts";
import { Changing, type Change } from "../feature/changes.tsx";
import { EdgesSection } from "../feature/edges-section.tsx";
import { Facts } from "../feature/facts.tsx";
import { HistorySection } from "../feature/history-section.tsx";
import { isAbout } from "../feature/is-about.ts";
import { OverTime } from "../feature/over-time.tsx";
import { PreviewSection } from "../feature/preview-section.tsx";
import { RolloutSection } from "../feature/rollout-section.tsx";
import { RuleSection } from "../feature/rule-section.tsx";
import { Signals } from "../feature/signals.tsx";
import { TargetingSection } from "../feature/targeting-section.tsx";
import { Verdict } from "../feature/verdict.tsx";
import { Action } from "../parts/action.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { useResource } from "../resource.ts";

export default () => {
  const { params } = useRoute();
  const featureId = params["featureId"] ?? "";
  const [change, setChange] = useState<Change | null>(null);
  const read = async () => {
    const asking = getFeature(featureId);
    // The explanation takes longest: the rule is asked for meanwhile.
    const [feature, why, rule] = await Promise.all([
      asking,
      explainVerdict(featureId),
      asking.then(({ ruleVersion }) => (ruleVersion === null ? null : getRule(featureId))),
    ]);
    return { feature, why, rule };
  };
  const resource = useResource(featureId, read, { changes: isAbout(featureId), everyMs: 5_000 });
  const feature = resource.data?.feature;
  const refusal = whyNot("editor", feature?.tags);
  return (
    <Page
      title={featureId}
      lead={feature?.description ?? undefined}
      actions={
        feature === undefined ? null : feature.enabled ? (
          <>
            <Action name="Change the rollout" refusal={refusal} onClick={() => setChange("rollout")} />
            <Action name="Close" tone="bad" refusal={refusal} onClick={() => setChange("rollback")} />
          </>
        ) : (
          <Action
            name={feature.rolledBackAt === null ? "Open" : "Open again"}
            tone="primary"
            refusal={refusal}
            onClick={() => setChange("enable")}
          />
        )
      }
    >
      <Loaded from={resource}>
        {({ why, ...known }) => (
          <>
            <Verdict why={why} rule={known.rule} />
            <EdgesSection featureId={featureId} />
            <Facts feature={known.feature} why={why} />
            {why.signals.length === 0 ? null : <Signals why={why} />}
            <OverTime featureId={featureId} why={why} />
            <RolloutSection feature={known.feature} why={why} refusal={refusal} done={resource.reload} />
            <RuleSection feature={known.feature} why={why} done={resource.reload} />
            <TargetingSection featureId={featureId} />
            <PreviewSection featureId={featureId} refusal={refusal} />
            <HistorySection feature={known.feature} />
            {change === null ? null : (
              <Changing
                change={change}
                feature={known.feature}
                why={why}
                close={() => {
                  setChange(null);
                  resource.reload();
                }}
              />
            )}
          </>
        )}
      </Loaded>
    </Page>
  );
};
