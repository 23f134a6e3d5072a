// What a person may do with a feature as a whole: close it, open it, change its rollout. What will happen is said before.
import { useState } from "preact/hooks";
import { enableFeature, rollbackFeature, setRollout, type Feature, type Why } from "../client.gen.ts";
import { formatBps, formatCount } from "../format.ts";
import { ChangeDialog } from "../parts/dialog.tsx";
import { Dependents } from "./dependents.tsx";

export type Change = "rollback" | "enable" | "rollout";

/** New visitors a day at another rollout, by those of the last day; null where there were none to go by. */
const perDayAt = (perDay: number, nowBps: number, bps: number): number | null =>
  perDay === 0 || nowBps === 0 ? null : Math.round((perDay * bps) / nowBps);

const Rollout = ({ feature, why, close }: { feature: Feature; why: Why; close: () => void }) => {
  const [bps, setBps] = useState(feature.rolloutBps);
  const { perDay } = why.cohorts.treatment;
  const expected = perDayAt(perDay, feature.rolloutBps, bps);
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
      {expected === null ? null : (
        <p>
          About {formatCount(expected)} new visitors a day meet it then, {formatCount(perDay)} did in the last
          day. The evidence so far stays, and the people of both rollouts count.
        </p>
      )}
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
          <Dependents featureId={featureId} before="close" />
          <p>It stays closed until a person opens it again, and then its evidence starts from nothing.</p>
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
          <p>Its evidence starts from nothing. What was seen before the rollback counts no more.</p>
          <Dependents featureId={featureId} before="open" />
          {feature.rollbackReason === null ? null : <p>It was rolled back: {feature.rollbackReason}</p>}
        </ChangeDialog>
      );
    case "rollout":
      return <Rollout feature={feature} why={why} close={close} />;
  }
};
