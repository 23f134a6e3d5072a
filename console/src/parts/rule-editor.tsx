// The rule of a feature, with what it would notice at today's traffic beside it.
import type { TargetedSubmitEvent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { failureOf, whyNot, type Failure } from "../api.ts";
import {
  forecastRule,
  getRule,
  putRule,
  type Feature,
  type Forecast,
  type Rule,
  type Why,
} from "../client.gen.ts";
import { formatCount, formatDuration, formatRate } from "../format.ts";
import { useResource } from "../resource.ts";
import { SIGNALS } from "../words.ts";
import { isWaiting, Waits } from "./waits.tsx";
import { Notice } from "./notice.tsx";
import { Term } from "./term.tsx";

type Fields = Pick<
  Rule,
  | "activationThreshold"
  | "retentionThreshold"
  | "latencyP95Threshold"
  | "minCohortSize"
  | "evaluationWindowSeconds"
  | "activationWindowSeconds"
  | "retentionWindowSeconds"
  | "mode"
>;

/** What a first rule begins with: nothing is closed by it until somebody says so. */
const FIRST: Fields = {
  activationThreshold: 0.1,
  retentionThreshold: 0,
  latencyP95Threshold: 1_000,
  minCohortSize: 200,
  evaluationWindowSeconds: 604_800,
  mode: "shadow",
};

const NUMBERS = [
  ["activationThreshold", "Activation, at least", { min: 0, max: 1, step: 0.001 }],
  ["retentionThreshold", "Retention, at least", { min: 0, max: 1, step: 0.001 }],
  ["latencyP95Threshold", "95 % of requests faster than, ms", { min: 1, max: 3_600_000, step: 1 }],
  ["minCohortSize", "People before anything is decided", { min: 1, max: 1_000_000_000, step: 1 }],
  ["evaluationWindowSeconds", "Deadline, s", { min: 1, max: 315_360_000, step: 1 }],
  ["activationWindowSeconds", "Time to act, s", { min: 1, max: 34_560_000, step: 1 }],
  ["retentionWindowSeconds", "Time to come back, s", { min: 1, max: 34_560_000, step: 1 }],
] as const;

const FORECAST_AFTER_MS = 300;

const Outlook = ({ forecast }: { forecast: Forecast }) => (
  <ul>
    {forecast.signals.map(({ signal, rollback, smallestDetectable }) => (
      <li key={signal}>
        <strong>{SIGNALS[signal].name}</strong>:{" "}
        {rollback
          .filter(({ users }) => users !== null)
          .slice(0, 2)
          .map(({ ratio, rate, users, seconds }) => (
            <span key={ratio}>
              notices {formatRate(rate)} after {formatCount(users ?? 0)} people
              {seconds === null ? "" : `, about ${formatDuration(seconds)}`}.{" "}
            </span>
          ))}
        {smallestDetectable === null ? "Nothing smaller than a collapse is noticed before the deadline." : ""}
      </li>
    ))}
  </ul>
);

const Editor = ({
  feature,
  why,
  rule,
  done,
}: {
  feature: Feature;
  why: Why;
  rule: Rule | null;
  done: () => void;
}) => {
  const [fields, setFields] = useState<Fields>({ ...FIRST, ...rule });
  const [reason, setReason] = useState("");
  const [forecast, setForecast] = useState<Forecast | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [waits, setWaits] = useState(false);
  const { featureId } = feature;
  const { warnings: _, featureId: __, ...kept } = rule ?? { featureId };
  const next: Rule = { ...kept, ...fields, featureId };
  const usersPerDay = Math.max(1, why.cohorts.treatment.perDay);

  useEffect(() => {
    const timer = setTimeout(() => {
      const ask = async (): Promise<void> => {
        try {
          const holdoutUsersPerDay = why.cohorts.holdout.perDay;
          setForecast(await forecastRule({ rule: next, usersPerDay, holdoutUsersPerDay }));
          setFailure(null);
        } catch (error) {
          setForecast(null);
          setFailure(failureOf(error));
        }
      };
      void ask();
    }, FORECAST_AFTER_MS);
    return () => clearTimeout(timer);
  }, [JSON.stringify(fields)]);

  const save = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    try {
      const { featureId: ___, ...body } = next;
      const ifMatch = feature.ruleVersion === null ? undefined : `"${feature.version}"`;
      setWaits(isWaiting(await putRule(featureId, body, { ifMatch, reason })));
      setReason("");
      setFailure(null);
      done();
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  const refusal = whyNot("editor", feature.tags);
  return (
    <form class="rule card" onSubmit={(event) => void save(event)}>
      <div class="fields">
        {NUMBERS.map(([name, label, bounds]) => (
          <label key={name}>
            {label}
            <input
              type="number"
              {...bounds}
              value={fields[name]}
              placeholder="as it is"
              onInput={({ currentTarget: { valueAsNumber } }) =>
                setFields({ ...fields, [name]: Number.isNaN(valueAsNumber) ? undefined : valueAsNumber })
              }
            />
          </label>
        ))}
        <label>
          What a decision does
          <select
            value={fields.mode ?? "shadow"}
            onInput={({ currentTarget: { value } }) =>
              setFields({ ...fields, mode: value === "enforce" ? "enforce" : "shadow" })
            }
          >
            <option value="shadow">Shadow: it is written down</option>
            <option value="enforce">Enforce: the feature closes by itself</option>
          </select>
        </label>
      </div>
      <aside aria-live="polite">
        <h3>At today's traffic</h3>
        <p>
          <small>
            {formatCount(why.cohorts.treatment.perDay)} new people a day in{" "}
            <Term of="treatment">treatment</Term>
          </small>
        </p>
        {forecast === null ? null : <Outlook forecast={forecast} />}
        {rule?.warnings?.map((warning) => (
          <p key={warning} class="notice warn">
            {warning}
          </p>
        ))}
      </aside>
      {failure === null ? null : <Notice failure={failure} />}
      {waits ? <Waits /> : null}
      <label class="wide">
        Reason
        <input
          required
          maxLength={1_000}
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
          placeholder="It goes into the audit"
        />
      </label>
      <div class="actions">
        <button
          type="submit"
          class="primary"
          disabled={refusal !== null || reason.trim() === ""}
          title={refusal ?? ""}
        >
          {rule?.mode !== "enforce" && fields.mode === "enforce"
            ? "Save, and let it close by itself"
            : "Save the rule"}
        </button>
      </div>
    </form>
  );
};

export default ({ feature, why, done }: { feature: Feature; why: Why; done: () => void }) => {
  const rule = useResource(`rule ${feature.featureId} ${feature.ruleVersion}`, async () =>
    feature.ruleVersion === null ? null : getRule(feature.featureId),
  );
  if (rule.data === undefined) return <p class="loading" aria-busy="true" aria-label="Loading" />;
  return <Editor key={feature.ruleVersion} feature={feature} why={why} rule={rule.data} done={done} />;
};
