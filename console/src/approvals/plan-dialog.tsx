// A change of a feature is planned for a time, in the reader's zone, with UTC beside it.
import { useState } from "preact/hooks";
import { listFeatures, makeSchedule } from "../client.gen.ts";
import { formatUtc } from "../format.ts";
import { ChangeDialog } from "../parts/dialog.tsx";
import { SelectField, TextField } from "../parts/fields.tsx";
import { useResource } from "../resource.ts";

const CHANGES = [
  ["rollout", "Change the rollout"],
  ["enable", "Open it"],
  ["rollback", "Close it"],
  ["restart", "Let its trial begin anew"],
  ["delete", "Delete it"],
] as const;
type Kind = (typeof CHANGES)[number][0];

const SAYS = {
  rollout: "Visitors of the new share get the feature then.",
  enable:
    "The feature is opened then, unless it was rolled back after you plan it: a plan never overrides a rollback.",
  rollback: "The feature is closed then, and everything that requires it. Only a person opens it again.",
  restart: "Its evidence starts from nothing then.",
  delete: "The feature is gone then. The audit keeps what it was.",
} as const;

const GRACE = [
  ["3600", "an hour late"],
  ["86400", "a day late"],
  ["0", "not at all when late"],
] as const;

const changeOf = (
  kind: Kind,
  rolloutBps: number | undefined,
): Parameters<typeof makeSchedule>[0]["change"] => {
  if (kind === "rollout") return { kind, rolloutBps: rolloutBps ?? 0 };
  if (kind === "enable") return rolloutBps === undefined ? { kind } : { kind, rolloutBps };
  return { kind };
};

export const PlanDialog = ({ close }: { close: () => void }) => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const [featureId, setFeatureId] = useState("");
  const [kind, setKind] = useState<Kind>("rollout");
  const [percent, setPercent] = useState("");
  const [at, setAt] = useState("");
  const [grace, setGrace] = useState<(typeof GRACE)[number][0]>("3600");
  const known = useResource(`plan ${featureId}`, () => listFeatures({ q: featureId, limit: 20 }));
  const hasShare = kind === "rollout" || kind === "enable";
  const rolloutBps = percent === "" ? undefined : Math.round(Number(percent) * 100);
  return (
    <ChangeDialog
      title="Plan a change"
      confirm="Plan it"
      tone={kind === "rollback" || kind === "delete" ? "bad" : "calm"}
      change={(reason) =>
        makeSchedule({
          featureId: featureId.trim(),
          change: changeOf(kind, hasShare ? rolloutBps : undefined),
          at,
          zone,
          graceSeconds: Number(grace),
          reason,
        })
      }
      close={close}
    >
      <label>
        Feature
        <input
          required
          list="plan-features"
          value={featureId}
          onInput={(event) => setFeatureId(event.currentTarget.value)}
        />
        <datalist id="plan-features">
          {known.data?.features.map((each) => (
            <option key={each.featureId} value={each.featureId} />
          ))}
        </datalist>
      </label>
      <SelectField label="Change" value={kind} choices={CHANGES} set={setKind} hint={SAYS[kind]} />
      {hasShare ? (
        <label>
          Rollout in percent
          <input
            type="number"
            min={0}
            max={100}
            step={0.01}
            required={kind === "rollout"}
            placeholder={kind === "enable" ? "as it was" : ""}
            value={percent}
            onInput={(event) => setPercent(event.currentTarget.value)}
          />
        </label>
      ) : null}
      <TextField
        label={`When, on the clocks of ${zone}`}
        type="datetime-local"
        value={at}
        set={setAt}
        required
        hint={at === "" ? "" : formatUtc(new Date(at).toISOString())}
      />
      <SelectField
        label="If no origin runs at that time, it may be carried out"
        value={grace}
        choices={GRACE}
        set={setGrace}
      />
    </ChangeDialog>
  );
};
