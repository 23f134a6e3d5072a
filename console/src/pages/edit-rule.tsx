// The rule of a feature: its fields, and beside them what they would notice at today's traffic and on the evidence so far.
import { useRoute } from "preact-iso";
import { whyNot } from "../api.ts";
import {
  explainVerdict,
  getFeature,
  getRule,
  putRule,
  type Feature,
  type Rule,
  type Why,
} from "../client.gen.ts";
import { PastEvidence } from "../editing/calibration.tsx";
import { Editor } from "../editing/editor.tsx";
import { Planner } from "../editing/planner.tsx";
import { RuleForm } from "../editing/rule-form.tsx";
import {
  fieldsOfRule,
  FIRST_RULE,
  NESTED_IN_RULE,
  ruleBodyOf,
  type RuleFields,
} from "../editing/rule-fields.ts";
import { useSaving } from "../editing/save-bar.tsx";
import { useEdit } from "../editing/use-edit.ts";
import { isAbout } from "../feature/is-about.ts";
import { ModeStep } from "../parts/mode-dialog.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { useResource } from "../resource.ts";

type Known = { readonly feature: Feature; readonly why: Why; readonly rule: Rule | null };

const RulePage = ({ feature, why, rule, reload }: Known & { reload: () => void }) => {
  const { featureId, version } = feature;
  const stored = rule === null ? FIRST_RULE : fieldsOfRule(rule);
  const edit = useEdit<RuleFields>({ key: `rule ${featureId}`, version, stored, nested: NESTED_IN_RULE });
  const saving = useSaving({
    edit,
    save: (reason, options) =>
      putRule(featureId, ruleBodyOf(edit.mine), { ...options, reason, ifMatch: `"${edit.version}"` }),
    done: reload,
    moved: reload,
  });
  const refusal = whyNot("editor", feature.tags);
  const fields = edit.mine;
  const { treatment, holdout } = why.cohorts;
  return (
    <>
      {rule === null ? (
        <p class="notice calm">
          The first rule begins in shadow: what it decides is written down, and nothing is closed by it.
        </p>
      ) : (
        <ModeStep
          feature={feature}
          why={why}
          rule={rule}
          refusal={refusal ?? (edit.isDirty ? "Save or discard first what you typed." : null)}
          done={reload}
        />
      )}
      {rule?.warnings?.map((warning) => (
        <p key={warning} class="notice warn">
          {warning}
        </p>
      ))}
      <Editor
        name={`The rule of ${featureId}`}
        audited={featureId}
        owner={feature}
        edit={edit}
        saving={saving}
        refusal={refusal}
        saveAs={rule === null ? "Save it, in shadow" : "Save the rule"}
        isNew={rule === null}
        aside={
          <>
            <Planner
              featureId={featureId}
              fields={fields}
              perDay={{ treatment: treatment.perDay, holdout: holdout.perDay }}
            />
            {rule === null ? null : <PastEvidence featureId={featureId} fields={fields} />}
          </>
        }
      >
        <RuleForm fields={fields} change={edit.change} isFaulty={(saving.failure?.fields.length ?? 0) > 0} />
      </Editor>
    </>
  );
};

export default () => {
  const { params } = useRoute();
  const featureId = params["featureId"] ?? "";
  const read = async (): Promise<Known> => {
    const [feature, why] = await Promise.all([getFeature(featureId), explainVerdict(featureId)]);
    return { feature, why, rule: feature.ruleVersion === null ? null : await getRule(featureId) };
  };
  const known = useResource(`edit rule ${featureId}`, read, { changes: isAbout(featureId) });
  return (
    <Page
      title={`Rule of ${featureId}`}
      lead="What the feature has to achieve, and what happens when it does not."
      actions={
        <a class="button" href={`/features/${encodeURIComponent(featureId)}`}>
          Back to the feature
        </a>
      }
    >
      <Loaded from={known}>{(found) => <RulePage key={featureId} {...found} reload={known.reload} />}</Loaded>
    </Page>
  );
};
