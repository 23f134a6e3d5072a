// The stages of a ramp: a row for each, and how long one lasts at least.
import { useFaults } from "./form.tsx";
import { CheckInput, DurationInput, ShareInput } from "./inputs.tsx";
import type { RuleFields } from "./rule-fields.ts";

type Ramp = NonNullable<RuleFields["ramp"]>;

const FIRST_RAMP: Ramp = { stagesBps: [1_000, 2_500, 5_000, 9_000], minStageSeconds: 86_400 };
const TEN_YEARS = 3_650 * 86_400;

export const RampRows = ({
  ramp,
  onRamp,
}: {
  ramp: Ramp | undefined;
  onRamp: (ramp: Ramp | undefined) => void;
}) => {
  const faults = useFaults("ramp.stagesBps");
  return (
    <>
      <CheckInput
        field="ramp"
        label="Raise the rollout by itself, stage by stage"
        hint="Only while decisions are carried out, and never past a stage that has not proven itself."
        value={ramp !== undefined}
        onValue={(isOn) => onRamp(isOn ? FIRST_RAMP : undefined)}
      />
      {ramp === undefined ? null : (
        <>
          <div role="group" aria-label="Stages of the ramp" class="stages">
            {ramp.stagesBps.map((bps, at) => (
              <div key={at} class="stage">
                <ShareInput
                  field={`ramp.stagesBps.${at}`}
                  label={`Stage ${at + 1}`}
                  whole={10_000}
                  value={bps}
                  onValue={(next) =>
                    onRamp({
                      ...ramp,
                      stagesBps: ramp.stagesBps.map((each, index) => (index === at ? (next ?? 0) : each)),
                    })
                  }
                  fault={
                    at > 0 && bps <= (ramp.stagesBps[at - 1] ?? 0)
                      ? "must be more than the stage before"
                      : null
                  }
                />
                <button
                  type="button"
                  class="icon"
                  aria-label={`Remove stage ${at + 1}`}
                  disabled={ramp.stagesBps.length === 1}
                  onClick={() =>
                    onRamp({ ...ramp, stagesBps: ramp.stagesBps.filter((_, index) => index !== at) })
                  }
                >
                  ×
                </button>
              </div>
            ))}
            {faults.map((text) => (
              <p key={text} class="fault">
                {text}
              </p>
            ))}
            <div>
              <button
                type="button"
                onClick={() =>
                  onRamp({
                    ...ramp,
                    stagesBps: [...ramp.stagesBps, Math.min(10_000, (ramp.stagesBps.at(-1) ?? 0) + 1_000)],
                  })
                }
              >
                Add a stage
              </button>
            </div>
          </div>
          <DurationInput
            field="ramp.minStageSeconds"
            label="A stage lasts at least"
            maxSeconds={TEN_YEARS}
            value={ramp.minStageSeconds}
            onValue={(minStageSeconds) => onRamp({ ...ramp, minStageSeconds: minStageSeconds ?? 0 })}
          />
        </>
      )}
    </>
  );
};
