// Named conditions that several features share: made, edited with whom a change reaches, and deleted where nothing uses them.
import { useEffect, useState } from "preact/hooks";
import { me, whyNot } from "../api.ts";
import { deleteSegment, listSegments, type Segment } from "../client.gen.ts";
import { Action } from "../parts/action.tsx";
import { ChangeDialog } from "../parts/dialog.tsx";
import { FeatureLink } from "../parts/feature-link.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import { sentenceOf } from "../segments/condition.ts";
import { SegmentEditor } from "../segments/segment-editor.tsx";
import "../segments/segments.css";

const refusalOf = (): string | null => whyNot("editor", me.value?.tags ?? []);

/** Why it cannot be deleted; null: it can. */
const deleteRefusal = ({ features, usedBy }: Segment): string | null => {
  const users = [...features.map(({ featureId }) => featureId), ...usedBy.map((id) => `segment ${id}`)];
  return (
    refusalOf() ?? (users.length === 0 ? null : `Used by ${users.join(", ")}: take it out of them first.`)
  );
};

const Users = ({ segment: { features, usedBy } }: { segment: Segment }) =>
  features.length + usedBy.length === 0 ? (
    <p class="segment-users">Nothing uses it.</p>
  ) : (
    <p class="segment-users">
      Used by{" "}
      {features.map(({ featureId, onTrial }, at) => (
        <span key={featureId}>
          {at === 0 ? "" : ", "}
          <FeatureLink featureId={featureId} />
          {onTrial ? " (on trial)" : ""}
        </span>
      ))}
      {usedBy.map((id, at) => (
        <span key={id}>
          {at + features.length === 0 ? "" : ", "}
          <a href={`#${encodeURIComponent(id)}`}>segment {id}</a>
        </span>
      ))}
    </p>
  );

const Card = ({ segment, reload }: { segment: Segment; reload: () => void }) => {
  const [doing, setDoing] = useState<"edit" | "delete" | null>(null);
  const { segmentId, description, condition, managedBy, updatedAt } = segment;
  const close = (): void => {
    setDoing(null);
    reload();
  };
  return (
    <li class="card" id={segmentId}>
      <div class="segment-head">
        <h2>{segmentId}</h2>
        <small>
          changed <Time at={updatedAt} ago />
        </small>
        <div class="actions">
          <Action
            name={doing === "edit" ? "Stop editing" : `Edit ${segmentId}`}
            refusal={refusalOf()}
            onClick={() => setDoing(doing === "edit" ? null : "edit")}
          />
          <Action
            name={`Delete ${segmentId}`}
            tone="bad"
            refusal={deleteRefusal(segment)}
            onClick={() => setDoing("delete")}
          />
        </div>
      </div>
      {description === null ? null : <p>{description}</p>}
      <p class="segment-condition">{sentenceOf(condition)}</p>
      <Users segment={segment} />
      {managedBy === null ? null : (
        <p class="notice warn">
          {managedBy.file} of {managedBy.source} owns it: the next apply takes back what is changed here.
          Change the file instead.
        </p>
      )}
      {doing === "edit" ? <SegmentEditor segment={segment} done={close} moved={reload} /> : null}
      {doing === "delete" ? (
        <ChangeDialog
          title={`Delete ${segmentId}?`}
          confirm="Delete it"
          tone="bad"
          change={(reason) => deleteSegment(segmentId, `"${segment.version}"`, { reason })}
          close={close}
        >
          <p>Nothing uses it, so no visitor notices. The audit keeps its condition.</p>
        </ChangeDialog>
      ) : null}
    </li>
  );
};

export default () => {
  const [isMaking, setMaking] = useState(false);
  const segments = useResource("segments", () => listSegments({ limit: 500 }), {
    changes: ({ kind }) => kind === "change",
  });
  const isThere = segments.data !== undefined;
  useEffect(() => {
    // The address names a segment before there is one on the page.
    if (isThere && location.hash !== "")
      document.querySelector(`#${CSS.escape(decodeURIComponent(location.hash.slice(1)))}`)?.scrollIntoView();
  }, [isThere]);
  return (
    <Page
      title="Segments"
      lead="Conditions with a name. A change of one changes all features that use it, in one revision."
      actions={
        <Action
          name="New segment"
          tone="primary"
          refusal={refusalOf()}
          onClick={() => setMaking(!isMaking)}
        />
      }
    >
      {isMaking ? (
        <section class="card" aria-label="New segment">
          <SegmentEditor
            done={() => {
              setMaking(false);
              segments.reload();
            }}
            moved={segments.reload}
          />
        </section>
      ) : null}
      <Loaded from={segments}>
        {({ segments: rows }) =>
          rows.length === 0 ? (
            <p class="empty">
              There is no segment yet. Give a condition a name, such as the visitors who test new things, and
              use it in the targeting of several features.
            </p>
          ) : (
            <ul class="segments">
              {rows.map((segment) => (
                <Card key={segment.segmentId} segment={segment} reload={segments.reload} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Page>
  );
};
