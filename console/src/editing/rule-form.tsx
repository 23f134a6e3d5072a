// The fields of a rule, in the units in which people think of them. Whether decisions are carried out is not among them: that
// is a step of its own.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { SIGNALS } from "../words.ts";
import { Group } from "./form.tsx";
import { CheckInput, ChoiceInput, DurationInput, NumberInput, ShareInput } from "./inputs.tsx";
import { RampRows } from "./ramp-rows.tsx";
import type { RuleFields } from "./rule-fields.ts";

const DAY = 86_400;
const MAX_WINDOW = 400 * DAY;
const MAX_DEADLINE = 3_650 * DAY;

type Props = { readonly fields: RuleFields; readonly change: (fields: Partial<RuleFields>) => void };

/** An emptied number is sent as none, and the API says that it is missing. */
const needed = (value: number | undefined): number => value ?? Number.NaN;

const Basics = ({ fields, change }: Props) => (
  <Group title="What it has to achieve">
    <ShareInput
      field="activationThreshold"
      label="Activation, at least"
      whole={1}
      sliderStep={0.5}
      value={fields.activationThreshold}
      onValue={(value) => change({ activationThreshold: needed(value) })}
      hint={`${SIGNALS.activation.means} At 0 it is not tested.`}
    />
    <ShareInput
      field="retentionThreshold"
      label="Retention, at least"
      whole={1}
      sliderStep={0.5}
      value={fields.retentionThreshold}
      onValue={(value) => change({ retentionThreshold: needed(value) })}
      hint={`${SIGNALS.retention.means} At 0 it is not tested.`}
    />
    <div class="pair">
      <NumberInput
        field="latencyP95Threshold"
        label="95 % of requests are faster than"
        unit="ms"
        min={1}
        max={3_600_000}
        value={fields.latencyP95Threshold}
        onValue={(value) => change({ latencyP95Threshold: needed(value) })}
      />
      <NumberInput
        field="minCohortSize"
        label="People before anything is decided"
        min={1}
        max={1_000_000_000}
        value={fields.minCohortSize}
        onValue={(value) => change({ minCohortSize: needed(value) })}
      />
    </div>
    <DurationInput
      field="evaluationWindowSeconds"
      label="Deadline"
      maxSeconds={MAX_DEADLINE}
      value={fields.evaluationWindowSeconds}
      onValue={(value) => change({ evaluationWindowSeconds: needed(value) })}
      hint="Counted from the beginning of its trial."
    />
  </Group>
);

const Windows = ({ fields, change }: Props) => (
  <Group title="Time to act and to come back" lead="People count when their time is over.">
    <div class="pair">
      <DurationInput
        field="activationWindowSeconds"
        label="Time to act"
        maxSeconds={MAX_WINDOW}
        placeholder="1 day"
        value={fields.activationWindowSeconds ?? DAY}
        onValue={(activationWindowSeconds) => change({ activationWindowSeconds })}
      />
      <DurationInput
        field="retentionWindowSeconds"
        label="Time to come back"
        maxSeconds={MAX_WINDOW}
        value={fields.retentionWindowSeconds ?? 7 * DAY}
        onValue={(retentionWindowSeconds) => change({ retentionWindowSeconds })}
      />
      <DurationInput
        field="returnAfterSeconds"
        label="A visit is a return after"
        maxSeconds={MAX_WINDOW}
        value={fields.returnAfterSeconds ?? DAY}
        onValue={(returnAfterSeconds) => change({ returnAfterSeconds })}
      />
    </div>
  </Group>
);

const SIGNAL_NAMES = ["activation", "retention", "latency", "errorRate"] as const;

const isAgainst = (value: string): value is "threshold" | "holdout" | "both" =>
  value === "threshold" || value === "holdout" || value === "both";

const Comparisons = ({ fields, change }: Props) => (
  <Group
    title="What each signal is held against"
    lead="With a holdout: both, and for errors the holdout. Without one: the threshold."
  >
    <div class="pair">
      {SIGNAL_NAMES.map((signal) => (
        <label key={signal} class="stacked">
          {SIGNALS[signal].name}
          <select
            value={fields.compare?.[signal] ?? ""}
            onInput={({ currentTarget: { value } }) => {
              const { [signal]: _, ...others } = fields.compare ?? {};
              change({ compare: isAgainst(value) ? { ...others, [signal]: value } : others });
            }}
          >
            <option value="">as usual</option>
            <option value="threshold">its threshold</option>
            <option value="holdout">the holdout</option>
            <option value="both">both</option>
          </select>
        </label>
      ))}
    </div>
  </Group>
);

const Requests = ({ fields, change }: Props) => (
  <Group title="Requests">
    <ShareInput
      field="errorRateThreshold"
      label="Failed requests, at most"
      whole={1}
      sliderStep={0.5}
      placeholder="none"
      value={fields.errorRateThreshold}
      onValue={(errorRateThreshold) => change({ errorRateThreshold })}
      hint="Empty: failures are compared with the holdout alone."
    />
    <ChoiceInput
      field="latency.of"
      label="Requests whose time counts"
      value={fields.latency?.of ?? "all"}
      onValue={(of) => change({ latency: { of } })}
      choices={[
        { value: "all", name: "Pages and the calls of their scripts" },
        { value: "documents", name: "Pages only" },
      ]}
    />
  </Group>
);

const Certainty = ({ fields, change }: Props) => (
  <Group title="How sure it has to be">
    <NumberInput
      field="falseRollbackRate"
      label="Chance of rolling back a good feature, at most"
      unit="%"
      min={0.0001}
      max={50}
      step={0.01}
      value={
        fields.falseRollbackRate === undefined
          ? 0.04
          : Number((fields.falseRollbackRate * 100).toPrecision(8))
      }
      onValue={(percent) =>
        change({
          falseRollbackRate: percent === undefined ? undefined : Number((percent / 100).toPrecision(8)),
        })
      }
      hint="Over its whole life, however often it is looked at. A smaller chance takes more people."
    />
    <CheckInput
      field="prior"
      label="Begin with what is known of such features"
      hint="People who acted and who did not, before: the guess about the rate starts there."
      value={fields.prior !== undefined}
      onValue={(isOn) => change({ prior: isOn ? { alpha: 1, beta: 1 } : undefined })}
    />
    {fields.prior === undefined ? null : (
      <div class="pair">
        <NumberInput
          field="prior.alpha"
          label="People who acted"
          min={0.001}
          max={1e9}
          step={0.001}
          value={fields.prior.alpha}
          onValue={(alpha) => change({ prior: { beta: fields.prior?.beta ?? 1, alpha: needed(alpha) } })}
        />
        <NumberInput
          field="prior.beta"
          label="People who did not"
          min={0.001}
          max={1e9}
          step={0.001}
          value={fields.prior.beta}
          onValue={(beta) => change({ prior: { alpha: fields.prior?.alpha ?? 1, beta: needed(beta) } })}
        />
      </div>
    )}
  </Group>
);

const Ends = ({ fields, change }: Props) => (
  <Group title="What happens then">
    <ChoiceInput
      field="onFailure"
      label="When it fails"
      value={fields.onFailure ?? "rollback"}
      onValue={(onFailure) => change({ onFailure })}
      choices={[
        { value: "rollback", name: "Close it" },
        {
          value: "throttle",
          name: "Go back one stage of the ramp first",
          means: "At the first stage it is closed.",
        },
      ]}
    />
    <ChoiceInput
      field="onDeadline"
      label="When it is undecided at the deadline"
      value={fields.onDeadline ?? "extend"}
      onValue={(onDeadline) => change({ onDeadline })}
      choices={[
        { value: "extend", name: "Go on looking" },
        { value: "rollback", name: "Close it" },
      ]}
    />
    <RampRows ramp={fields.ramp} onRamp={(ramp) => change({ ramp })} />
  </Group>
);

const More = ({ isOpen, children }: { isOpen: boolean; children: ComponentChildren }) => {
  const [isAsked, setAsked] = useState(false);
  return (
    <details class="more" open={isAsked || isOpen} onToggle={(event) => setAsked(event.currentTarget.open)}>
      <summary>More: windows, comparison, certainty, what happens then, ramp</summary>
      <div class="more-fields">{children}</div>
    </details>
  );
};

/** `isFaulty`: the API has refused a field, which may be one of those that are folded away. */
export const RuleForm = ({ isFaulty, ...props }: Props & { isFaulty: boolean }) => (
  <>
    <Basics {...props} />
    <More isOpen={isFaulty}>
      <Windows {...props} />
      <Comparisons {...props} />
      <Requests {...props} />
      <Certainty {...props} />
      <Ends {...props} />
    </More>
  </>
);
