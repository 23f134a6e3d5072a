// The rule of a feature as one reads it. It is changed on a page of its own.
import { getRule, type Feature, type Rule, type Why } from "../client.gen.ts";
import { formatCount, formatDuration, formatRate } from "../format.ts";
import { useResource } from "../resource.ts";
import { whyNot } from "../api.ts";
import { ModeStep } from "./mode-dialog.tsx";
import { Loaded } from "./page.tsx";
import "../editing/editing.css";

const factsOf = (rule: Rule): readonly (readonly [string, string])[] => [
  ...(rule.activationThreshold > 0
    ? [
        [
          "Activation",
          `at least ${formatRate(rule.activationThreshold)} act within ${formatDuration(rule.activationWindowSeconds ?? 86_400)}`,
        ] as const,
      ]
    : []),
  ...(rule.retentionThreshold > 0
    ? [
        [
          "Retention",
          `at least ${formatRate(rule.retentionThreshold)} come back within ${formatDuration(rule.retentionWindowSeconds ?? 604_800)}`,
        ] as const,
      ]
    : []),
  ["Requests", `95 % faster than ${formatCount(rule.latencyP95Threshold)} ms`],
  ...(rule.errorRateThreshold === undefined
    ? []
    : [["Errors", `at most ${formatRate(rule.errorRateThreshold)} fail`] as const]),
  ["Not before", `${formatCount(rule.minCohortSize)} people`],
  ["Deadline", formatDuration(rule.evaluationWindowSeconds)],
];

export default ({ feature, why, done }: { feature: Feature; why: Why; done: () => void }) => {
  const rule = useResource(`rule ${feature.featureId} ${feature.ruleVersion}`, async () =>
    feature.ruleVersion === null ? null : getRule(feature.featureId),
  );
  const edit = `/features/${encodeURIComponent(feature.featureId)}/rule`;
  return (
    <Loaded from={rule}>
      {(known) =>
        known === null ? (
          <p class="empty">
            It has no rule yet: nothing would close it by itself. <a href={edit}>Give it a first rule</a>, in
            shadow.
          </p>
        ) : (
          <>
            <ModeStep
              feature={feature}
              why={why}
              rule={known}
              refusal={whyNot("editor", feature.tags)}
              done={done}
            />
            <dl class="facts">
              {factsOf(known).flatMap(([name, text]) => [
                <dt key={`${name} name`}>{name}</dt>,
                <dd key={name}>{text}</dd>,
              ])}
            </dl>
            <p class="edit-link">
              <a class="button" href={edit}>
                Change the rule
              </a>
            </p>
          </>
        )
      }
    </Loaded>
  );
};
