// From shadow to enforce, and back: a step of its own, which says what will happen and what has been seen.
import { useState } from "preact/hooks";
import { listEvaluations, putRule, type Feature, type Rule, type Why } from "../client.gen.ts";
import { fieldsOfRule } from "../editing/rule-fields.ts";
import { formatBps, formatCount } from "../format.ts";
import { useResource } from "../resource.ts";
import { withoutState } from "../words.ts";
import { ChangeDialog } from "./dialog.tsx";
import { Loaded } from "./page.tsx";
import { Term } from "./term.tsx";
import { Time } from "./time.tsx";

const DEFAULT_RATE = 0.0004;

/** What the rule has decided in shadow since the feature was opened, the first of each kind. */
const Shadow = ({ featureId, epoch }: { featureId: string; epoch: number }) => {
  const evaluations = useResource(`shadow ${featureId} ${epoch}`, () =>
    listEvaluations(featureId, { limit: 500 }),
  );
  return (
    <Loaded from={evaluations}>
      {(known) => {
        const own = known.evaluations.filter((each) => each.epoch === epoch && each.mode === "shadow");
        const first = (action: string) => own.findLast((each) => each.action === action);
        const rolledBack = first("ROLLBACK");
        const kept = first("KEEP");
        const newest = own[0];
        return (
          <>
            {rolledBack === undefined ? null : (
              <p class="notice bad">
                It would have closed the feature <Time at={rolledBack.at} ago />:{" "}
                {withoutState(rolledBack.decision.reason)}
              </p>
            )}
            {kept === undefined ? null : (
              <p class="notice good">
                It would have kept the feature <Time at={kept.at} ago />: {withoutState(kept.decision.reason)}
              </p>
            )}
            {rolledBack === undefined && kept === undefined ? (
              <p>
                {newest === undefined
                  ? "It has decided nothing yet: the feature was not looked at in shadow."
                  : `It has decided nothing yet: ${withoutState(newest.decision.reason)}`}
              </p>
            ) : null}
          </>
        );
      }}
    </Loaded>
  );
};

const Enforcing = ({ feature, why, rule }: { feature: Feature; why: Why; rule: Rule }) => {
  const percent = (rule.falseRollbackRate ?? DEFAULT_RATE) * 100;
  return (
    <>
      <h3>In shadow so far</h3>
      <Shadow featureId={feature.featureId} epoch={why.epoch} />
      <h3>From now on</h3>
      <p>
        Sluice may close the feature by itself, at any hour and for everybody: now{" "}
        {formatBps(feature.rolloutBps)} have it, {formatCount(why.cohorts.treatment.perDay)} new people a day.
        Only a person opens it again.
        {rule.ramp === undefined ? "" : " It also raises the rollout by itself, along the ramp."}
      </p>
      <p>
        The chance that it closes a feature that meets its thresholds is at most{" "}
        {Number(percent.toPrecision(3))} %, over the feature's whole life and however often it is looked at.
        Its <Term of="evidence">evidence</Term> starts from nothing.
      </p>
    </>
  );
};

const ModeDialog = ({
  feature,
  why,
  rule,
  close,
}: {
  feature: Feature;
  why: Why;
  rule: Rule;
  close: () => void;
}) => {
  const { featureId, version } = feature;
  const mode = rule.mode === "enforce" ? "shadow" : "enforce";
  return (
    <ChangeDialog
      title={
        mode === "enforce" ? `Let ${featureId} close by itself` : `Put the rule of ${featureId} in shadow`
      }
      confirm={mode === "enforce" ? "Enforce the rule" : "Back to shadow"}
      tone={mode === "enforce" ? "bad" : "calm"}
      close={close}
      change={(reason) =>
        putRule(featureId, { ...fieldsOfRule(rule), mode }, { ifMatch: `"${version}"`, reason })
      }
    >
      {mode === "enforce" ? (
        <Enforcing feature={feature} why={why} rule={rule} />
      ) : (
        <p>
          Decisions are written down and not carried out: nothing closes the feature by itself any more, also
          not if it gets worse. Its evidence starts from nothing.
        </p>
      )}
    </ChangeDialog>
  );
};

/** What a decision does now, and the step to the other. */
export const ModeStep = ({
  feature,
  why,
  rule,
  refusal,
  done,
}: {
  feature: Feature;
  why: Why;
  rule: Rule;
  /** Why it may not be taken; null: it may. */
  refusal: string | null;
  done: () => void;
}) => {
  const [isAsking, setAsking] = useState(false);
  const isEnforced = rule.mode === "enforce";
  return (
    <section class="card mode-step" aria-labelledby="mode">
      <div>
        <h2 id="mode">{isEnforced ? "Enforced" : "In shadow"}</h2>
        <p>
          {isEnforced
            ? "Decisions are carried out: the feature closes by itself."
            : "Decisions are written down and not carried out."}
        </p>
      </div>
      <button
        type="button"
        class={isEnforced ? "" : "primary"}
        aria-disabled={refusal !== null}
        title={refusal ?? undefined}
        onClick={() => setAsking(refusal === null)}
      >
        {isEnforced ? "Back to shadow…" : "Enforce…"}
        {refusal === null ? null : <span class="visually-hidden"> (not available: {refusal})</span>}
      </button>
      {isAsking ? (
        <ModeDialog
          feature={feature}
          why={why}
          rule={rule}
          close={() => {
            setAsking(false);
            done();
          }}
        />
      ) : null}
    </section>
  );
};
