// The fields of a feature: what it is, who gets it, where, and what its gate does. Beside them one tries who would get it.
import { useRoute } from "preact-iso";
import { useState } from "preact/hooks";
import { whyNot } from "../api.ts";
import { getFeature, listFeatures, listSegments, updateFeature, type Feature } from "../client.gen.ts";
import { Conditions } from "../editing/conditions.tsx";
import { Editor } from "../editing/editor.tsx";
import {
  draftOf,
  featureBodyOf,
  fieldsOfFeature,
  NESTED_IN_FEATURE,
  type FeatureFields,
} from "../editing/feature-fields.ts";
import { Group } from "../editing/form.tsx";
import { GateFields } from "../editing/gate-fields.tsx";
import {
  CheckInput,
  ChoiceInput,
  DateInput,
  NumberInput,
  ShareInput,
  TextInput,
  WordsInput,
} from "../editing/inputs.tsx";
import { RequestTester } from "../editing/request-tester.tsx";
import { RouteRows } from "../editing/route-rows.tsx";
import { useSaving } from "../editing/save-bar.tsx";
import { useEdit } from "../editing/use-edit.ts";
import { isAbout } from "../feature/is-about.ts";
import { formatBps } from "../format.ts";
import { Loaded, Page } from "../parts/page.tsx";
import { Term } from "../parts/term.tsx";
import { useResource } from "../resource.ts";

type Known = {
  readonly feature: Feature;
  readonly segments: readonly string[];
  readonly others: readonly Feature[];
};
type Props = { readonly fields: FeatureFields; readonly change: (fields: Partial<FeatureFields>) => void };

const orNull = (text: string): string | null => (text === "" ? null : text);

const Details = ({ fields, change, others }: Props & Pick<Known, "others">) => (
  <Group title="What it is">
    <TextInput
      field="description"
      label="Description"
      rows={2}
      value={fields.description ?? ""}
      onValue={(text) => change({ description: orNull(text) })}
    />
    <div class="pair">
      <TextInput
        field="owner"
        label="Owner"
        placeholder="nobody"
        value={fields.owner ?? ""}
        onValue={(text) => change({ owner: orNull(text) })}
      />
      <TextInput
        field="link"
        label="Link"
        placeholder="https://…"
        spellcheck={false}
        value={fields.link ?? ""}
        onValue={(text) => change({ link: orNull(text.trim()) })}
      />
      <WordsInput
        field="tags"
        label="Tags"
        value={fields.tags}
        suggestions={[...new Set(others.flatMap(({ tags }) => tags))]}
        onValue={(tags) => change({ tags })}
      />
      <WordsInput
        field="requires"
        label="Requires"
        placeholder="no other feature"
        value={fields.requires}
        suggestions={others.map(({ featureId }) => featureId)}
        onValue={(requires) => change({ requires })}
        hint="Features that must be open while this one is. It closes with them."
      />
      <DateInput
        field="removeAfter"
        label="Gone from the code after"
        value={fields.removeAfter ?? ""}
        onValue={(text) => change({ removeAfter: orNull(text) })}
        hint="Nothing happens on that day but a warning."
      />
    </div>
    <CheckInput
      field="private"
      label="Private"
      hint="Only holders of a server key and of a preview link hear of it by explain, the overlay and OpenFeature."
      value={fields.private}
      onValue={(value) => change({ private: value })}
    />
    <CheckInput
      field="lockdown"
      label="Locked down while it is on trial"
      hint="Then nothing but rollbacks and its own ramp change it, unless somebody forces it with a reason."
      value={fields.lockdown}
      onValue={(lockdown) => change({ lockdown })}
    />
  </Group>
);

const Who = ({ fields, change, feature }: Props & Pick<Known, "feature">) => (
  <Group title="Who is counted">
    <ChoiceInput
      field="unit"
      label="Who is assigned and counted"
      value={fields.unit}
      onValue={(unit) => change({ unit })}
      choices={[
        { value: "visitor", name: "Visitors", means: "A browser, whoever signs in with it." },
        { value: "user", name: "Signed-in users", means: "The same on all devices. Nobody else gets it." },
      ]}
    />
    <ShareInput
      field="holdoutBps"
      label="Holdout"
      whole={10_000}
      max={10_000 - feature.rolloutBps}
      value={fields.holdoutBps}
      onValue={(holdoutBps) => change({ holdoutBps })}
      hint={
        <>
          {formatBps(fields.holdoutBps ?? 0)} are the <Term of="holdout">holdout</Term>. The rollout, now{" "}
          {formatBps(feature.rolloutBps)}, is changed on the feature's page.
        </>
      }
    />
    <ChoiceInput
      field="failureMode"
      label="At an edge that has not heard of its state for too long"
      value={fields.failureMode}
      onValue={(failureMode) => change({ failureMode })}
      choices={[
        { value: "static", name: "It stays as it was" },
        { value: "closed", name: "It closes" },
      ]}
    />
  </Group>
);

const Activation = ({ fields: { activation }, change }: Props) => (
  <Group
    title="Activation"
    lead="The request that says that somebody did what the feature is for. Telemetry may tell it too."
  >
    <TextInput
      field="activation.path"
      label="Path"
      placeholder="none: telemetry tells it"
      spellcheck={false}
      value={activation?.path ?? ""}
      onValue={(text) =>
        change({ activation: text.trim() === "" ? null : { ...activation, path: text.trim() } })
      }
    />
    {activation == null ? null : (
      <div class="pair">
        <TextInput
          field="activation.method"
          label="Method"
          value={activation.method ?? "POST"}
          onValue={(text) => change({ activation: { ...activation, method: text.trim().toUpperCase() } })}
        />
        <NumberInput
          field="activation.status"
          label="Status of the answer"
          placeholder="below 400"
          min={100}
          max={599}
          value={activation.status}
          onValue={(status) => change({ activation: { ...activation, status } })}
        />
      </div>
    )}
  </Group>
);

const FieldsPage = ({ feature, segments, others, reload }: Known & { reload: () => void }) => {
  const { featureId, version } = feature;
  const edit = useEdit<FeatureFields>({
    key: `feature ${featureId}`,
    version,
    stored: fieldsOfFeature(feature),
    nested: NESTED_IN_FEATURE,
  });
  const [isInvalid, setInvalid] = useState(false);
  const saving = useSaving({
    edit,
    save: (reason, options) =>
      updateFeature(featureId, `"${edit.version}"`, { ...featureBodyOf(edit.mine), reason }, options),
    done: reload,
    moved: reload,
  });
  const props = { fields: edit.mine, change: edit.change };
  return (
    <Editor
      name={`What you edit of ${featureId}`}
      audited={featureId}
      owner={feature}
      edit={edit}
      saving={saving}
      refusal={whyNot("editor", feature.tags) ?? (isInvalid ? "The targeting is no JSON yet." : null)}
      saveAs="Save"
      aside={
        <section aria-labelledby="tester">
          <h2 id="tester">Who would get it?</h2>
          <RequestTester featureId={featureId} draft={draftOf(edit.mine)} isClosed={!feature.enabled} />
        </section>
      }
    >
      <Details {...props} others={others} />
      <Group title="Where it applies">
        <RouteRows routes={edit.mine.routes} onRoutes={(routes) => edit.change({ routes })} />
      </Group>
      <Group title="Targeting" lead="Who is not targeted does not get it and is not compared.">
        <Conditions
          condition={edit.mine.targeting ?? null}
          field="targeting"
          segments={segments}
          onCondition={(targeting) => edit.change({ targeting })}
          onInvalid={setInvalid}
        />
      </Group>
      <Group title="Gate" lead="What it does to a request beyond telling the upstream.">
        <GateFields
          gate={edit.mine.gate}
          hasRoutes={edit.mine.routes.length > 0}
          onGate={(gate) => edit.change({ gate })}
        />
      </Group>
      <Who {...props} feature={feature} />
      <Activation {...props} />
    </Editor>
  );
};

export default () => {
  const { params } = useRoute();
  const featureId = params["featureId"] ?? "";
  const read = async (): Promise<Known> => {
    const [feature, known, features] = await Promise.all([
      getFeature(featureId),
      listSegments({ limit: 500 }),
      listFeatures({ limit: 500 }),
    ]);
    return {
      feature,
      segments: known.segments.map(({ segmentId }) => segmentId),
      others: features.features.filter((each) => each.featureId !== featureId),
    };
  };
  const known = useResource(`edit ${featureId}`, read, { changes: isAbout(featureId) });
  return (
    <Page
      title={`Fields of ${featureId}`}
      lead="What it is, who gets it, where, and what its gate does."
      actions={
        <a class="button" href={`/features/${encodeURIComponent(featureId)}`}>
          Back to the feature
        </a>
      }
    >
      <Loaded from={known}>
        {(found) => <FieldsPage key={featureId} {...found} reload={known.reload} />}
      </Loaded>
    </Page>
  );
};
