// What a person may do with a feature as a whole: close it, open it, change its rollout. What will happen is said before.
import { useState } from "preact/hooks";
import { enableFeature, rollbackFeature, setRollout, type Feature, type Why } from "../client.gen.ts";
import { formatBps, formatCount } from "../format.ts";
import { ChangeDialog } from "../parts/dialog.tsx";

export type Change = "rollback" | "enable" | "rollout";

const Rollout = ({ feature, close }: { feature: Feature; close: () => void }) => {
  const [bps, setBps] = useState(feature.rolloutBps);
  return (
    <ChangeDialog
      title={`Rollout of ${feature.featureId}`}
      confirm={`Open for ${formatBps(bps)}`}
      close={close}
      change={(reason) =>
        setRollout(feature.featureId, { rolloutBps: bps, reason }, { ifMatch: `"${feature.version}"` })
      }
    >
      <label>
        Visitors in treatment: <output>{formatBps(bps)}</output>
        <input
          type="range"
          min={0}
          max={10_000}
          step={100}
          value={bps}
          onInput={(event) => setBps(event.currentTarget.valueAsNumber)}
        />
      </label>
      <p>
        Now {formatBps(feature.rolloutBps)}.{" "}
        {bps < feature.rolloutBps
          ? "Whoever is lowered out of it loses the feature with the next request, and is left out of the counts."
          : "Visitors who have it keep it."}
      </p>
    </ChangeDialog>
  );
};

export const Changing = ({
  change,
  feature,
  why,
  close,
}: {
  change: Change;
  feature: Feature;
  why: Why;
  close: () => void;
}) => {
  const { featureId, version } = feature;
  const ifMatch = `"${version}"`;
  const perDay = why.cohorts.treatment.perDay;
  switch (change) {
    case "rollback":
      return (
        <ChangeDialog
          title={`Close ${featureId}`}
          confirm="Close it now"
          tone="bad"
          close={close}
          change={(reason) => rollbackFeature(featureId, { reason }, { ifMatch })}
        >
          <p>
            Every visitor loses the feature with the first request after the change has reached their edge. It
            was met by {formatCount(why.cohorts.treatment.exposed)} visitors of this trial,{" "}
            {formatCount(perDay)} new ones a day.
          </p>
          {feature.requires.length === 0 ? null : <p>It requires {feature.requires.join(", ")}.</p>}
        </ChangeDialog>
      );
    case "enable":
      return (
        <ChangeDialog
          title={`Open ${featureId}`}
          confirm={`Open for ${formatBps(feature.rolloutBeforeBps ?? feature.rolloutBps)}`}
          close={close}
          change={(reason) => enableFeature(featureId, { reason }, { ifMatch })}
        >
          <p>Its evidence starts from nothing.</p>
          {feature.rollbackReason === null ? null : <p>It was rolled back: {feature.rollbackReason}</p>}
        </ChangeDialog>
      );
    case "rollout":
      return <Rollout feature={feature} close={close} />;
  }
};
