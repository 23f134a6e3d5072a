// A segment is made or changed. Whom a change reaches is said before it is saved; somebody else's change is merged.
import { useState } from "preact/hooks";
import { me, whyNot } from "../api.ts";
import { createSegment, explainVerdict, updateSegment, type Condition, type Segment } from "../client.gen.ts";
import { Form } from "../editing/form.tsx";
import { Restored, SaveBar, useSaving } from "../editing/save-bar.tsx";
import { useEdit } from "../editing/use-edit.ts";
import { formatCount } from "../format.ts";
import { FeatureLink } from "../parts/feature-link.tsx";
import { Merge } from "../parts/merge.tsx";
import { useResource } from "../resource.ts";
import { EMPTY_ROW, conditionOf, sentenceOf } from "./condition.ts";
import { ConditionRows } from "./condition-rows.tsx";

type Fields = { readonly segmentId: string; readonly condition: Condition; readonly description: string };

const EMPTY: Fields = {
  segmentId: "",
  condition: conditionOf({ join: "and", rows: [EMPTY_ROW] }),
  description: "",
};

const MOST_ASKED = 20;

const readReach = async (segment: Segment) => {
  const asked = segment.features.filter(({ onTrial }) => onTrial).slice(0, MOST_ASKED);
  const found = await Promise.all(
    asked.map(async ({ featureId }) => {
      const { cohorts } = await explainVerdict(featureId);
      return [featureId, cohorts.treatment.perDay + cohorts.holdout.perDay] as const;
    }),
  );
  return new Map(found);
};

/** Whom the change reaches: the features that use the segment, and how many people meet them. */
const Reach = ({ segment }: { segment: Segment }) => {
  const { features } = segment;
  const reach = useResource(`reach ${segment.segmentId} ${segment.version}`, () => readReach(segment));
  if (features.length === 0) return <p class="notice good">No feature uses it: a change reaches nobody.</p>;
  const onTrial = features.filter((each) => each.onTrial);
  return (
    <div class="notice warn">
      <strong>
        {features.length === 1 ? "One feature changes" : `${formatCount(features.length)} features change`}{" "}
        with it, at once and in one revision
      </strong>
      <ul>
        {features.map(({ featureId, enabled, onTrial: isOnTrial }) => {
          const perDay = reach.data?.get(featureId);
          return (
            <li key={featureId}>
              <FeatureLink featureId={featureId} />:{" "}
              {!enabled
                ? "closed"
                : !isOnTrial
                  ? "open, nobody is counted"
                  : perDay === undefined
                    ? "on trial"
                    : `on trial, about ${formatCount(perDay)} visitors a day`}
            </li>
          );
        })}
      </ul>
      {onTrial.length === 0 ? null : (
        <p>
          Whoever is no longer named loses these features and stays counted. Whoever is named now gets them
          and is counted from now on. Their evidence goes on.
        </p>
      )}
    </div>
  );
};

export const SegmentEditor = ({
  segment,
  done,
  moved,
}: {
  /** undefined: a new one. */
  segment?: Segment;
  done: () => void;
  /** Somebody else was first: what is stored has to be read again. */
  moved: () => void;
}) => {
  const stored: Fields =
    segment === undefined
      ? EMPTY
      : {
          segmentId: segment.segmentId,
          condition: segment.condition,
          description: segment.description ?? "",
        };
  const edit = useEdit<Fields>({
    key: `segment ${segment?.segmentId ?? ""}`,
    version: segment?.version ?? 0,
    stored,
  });
  const { segmentId, condition, description } = edit.mine;
  const [round, setRound] = useState(0);
  const saving = useSaving({
    edit,
    save: async (reason, { force }) => {
      const fields = { condition, description: description === "" ? null : description, reason };
      return segment === undefined
        ? createSegment({ segmentId, ...fields })
        : updateSegment(segment.segmentId, `"${edit.version}"`, fields, { force });
    },
    done,
    moved,
  });
  const name = segment === undefined ? "New segment" : `Edit ${segment.segmentId}`;
  return (
    <Form name={name} faults={saving.failure?.fields ?? []} submit={() => saving.save()}>
      <Restored edit={edit} />
      {segment === undefined ? (
        <label>
          Id
          <input
            value={segmentId}
            required
            placeholder="beta-testers"
            onInput={(event) => edit.change({ segmentId: event.currentTarget.value.trim() })}
          />
          <small>Letters, digits and _ . -; it stays as it is.</small>
        </label>
      ) : null}
      <ConditionRows
        key={`${edit.version} ${round}`}
        condition={condition}
        set={(next) => edit.change({ condition: next })}
      />
      <label>
        Description
        <input
          value={description}
          maxLength={2_000}
          placeholder="Who these visitors are, and what for"
          onInput={(event) => edit.change({ description: event.currentTarget.value })}
        />
      </label>
      <p>
        Names visitors of whom: <em>{sentenceOf(condition)}</em>
      </p>
      {segment === undefined ? null : <Reach segment={segment} />}
      <Merge
        edit={{
          ...edit,
          settle: () => {
            edit.settle();
            setRound(round + 1);
          },
        }}
        audited={`segment:${segmentId}`}
      />
      <SaveBar
        edit={edit}
        saving={saving}
        refusal={whyNot("editor", me.value?.tags ?? [])}
        name={segment === undefined ? "Make the segment" : "Save the segment"}
      />
    </Form>
  );
};
