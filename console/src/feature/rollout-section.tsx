// How many get the feature, and how that goes on: the stages of its ramp as a timeline, and its pause.
import { useState } from "preact/hooks";
import { pauseRamp, type Feature, type Why } from "../client.gen.ts";
import { formatBps, formatDuration } from "../format.ts";
import { Action } from "../parts/action.tsx";
import { ChangeDialog } from "../parts/dialog.tsx";
import { Term } from "../parts/term.tsx";
import { nowMs, Time } from "../parts/time.tsx";
import "./feature.css";

type Ramp = NonNullable<Why["ramp"]>;

/** What the stage that the feature is at waits for. */
const Waiting = ({ ramp }: { ramp: Ramp }) => {
  const leftS = ramp.readyAt === null ? 0 : (Date.parse(ramp.readyAt) - nowMs.value) / 1_000;
  if (ramp.paused) return <p>Paused by a person. It stays here until somebody lets it go on.</p>;
  if (ramp.nextBps === null) return <p>It is at the last stage.</p>;
  return leftS > 0 ? (
    <p>
      At least {formatDuration(leftS)} more, until <Time at={ramp.readyAt ?? ""} />.
    </p>
  ) : (
    <p>It waits: {ramp.reason}.</p>
  );
};

const Stages = ({ ramp, rolloutBps, isOpen }: { ramp: Ramp; rolloutBps: number; isOpen: boolean }) => {
  const reached = isOpen ? ramp.stagesBps.findLastIndex((bps) => bps <= rolloutBps) : -1;
  return (
    <ol class="stages" aria-label="Stages of the ramp">
      {ramp.stagesBps.map((bps, i) => {
        const state = i < reached ? "done" : i === reached ? "now" : "coming";
        return (
          <li key={bps} class={state} aria-current={state === "now" ? "step" : undefined}>
            <strong>{formatBps(bps)}</strong>
            <small>{state === "done" ? "✓ done" : state === "now" ? "● now" : "coming"}</small>
            {state !== "now" ? null : (
              <div class="waiting">
                {ramp.since === null ? null : (
                  <p>
                    Since <Time at={ramp.since} ago />.
                  </p>
                )}
                <Waiting ramp={ramp} />
              </div>
            )}
          </li>
        );
      })}
    </ol>
  );
};

const PauseDialog = ({ feature, ramp, close }: { feature: Feature; ramp: Ramp; close: () => void }) => {
  const { featureId, version } = feature;
  return (
    <ChangeDialog
      title={ramp.paused ? `Let the ramp of ${featureId} go on` : `Pause the ramp of ${featureId}`}
      confirm={ramp.paused ? "Let it go on" : "Pause it"}
      close={close}
      change={(reason) => pauseRamp(featureId, { paused: !ramp.paused, reason }, { ifMatch: `"${version}"` })}
    >
      <p>
        {ramp.paused
          ? "It rises to the next stage by itself when that stage's conditions are met."
          : `It stays at ${formatBps(feature.rolloutBps)}. Everybody who has the feature keeps it, and it is evaluated and rolled back as before.`}
      </p>
    </ChangeDialog>
  );
};

export const RolloutSection = ({
  feature,
  why,
  refusal,
  done,
}: {
  feature: Feature;
  why: Why;
  refusal: string | null;
  done: () => void;
}) => {
  const [isAsking, setAsking] = useState(false);
  const { ramp } = why;
  return (
    <section aria-labelledby="rollout">
      <h2 id="rollout">Rollout</h2>
      {ramp === null ? (
        <p class="lead">
          {feature.enabled ? `${formatBps(feature.rolloutBps)} of all visitors get it. ` : "It is closed. "}
          Its rule has no <Term of="ramp">ramp</Term>: a person changes the rollout.
        </p>
      ) : (
        <>
          <Stages ramp={ramp} rolloutBps={feature.rolloutBps} isOpen={feature.enabled} />
          {feature.enabled && why.mode === "shadow" ? (
            <p class="lead">The rule is in shadow: the ramp does not move by itself.</p>
          ) : null}
          <Action
            name={ramp.paused ? "Let the ramp go on" : "Pause the ramp"}
            refusal={refusal}
            onClick={() => setAsking(true)}
          />
        </>
      )}
      {isAsking && ramp !== null ? (
        <PauseDialog
          feature={feature}
          ramp={ramp}
          close={() => {
            setAsking(false);
            done();
          }}
        />
      ) : null}
    </section>
  );
};
