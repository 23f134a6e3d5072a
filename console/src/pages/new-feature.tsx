// Makes a feature. It is closed, and what comes next is its rule.
import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";
import { whyNot } from "../api.ts";
import { createFeature, listFeatures, type Feature } from "../client.gen.ts";
import { Form, Group } from "../editing/form.tsx";
import { CheckInput, ChoiceInput, ShareInput, TextInput, WordsInput } from "../editing/inputs.tsx";
import { AskBeforeLeaving } from "../editing/leaving.tsx";
import { RouteRows, type Route } from "../editing/route-rows.tsx";
import { Restored, SaveBar, useSaving } from "../editing/save-bar.tsx";
import { useEdit } from "../editing/use-edit.ts";
import { formatBps } from "../format.ts";
import { Page } from "../parts/page.tsx";
import { Term } from "../parts/term.tsx";
import { isWaiting } from "../parts/waits.tsx";
import { useResource } from "../resource.ts";

type NewFeature = {
  readonly featureId: string;
  readonly description: string;
  readonly owner: string;
  readonly tags: readonly string[];
  readonly unit: "visitor" | "user";
  readonly rolloutBps: number | undefined;
  readonly holdoutBps: number | undefined;
  readonly routes: readonly Route[];
  readonly closesRoutes: boolean;
};

const EMPTY: NewFeature = {
  featureId: "",
  description: "",
  owner: "",
  tags: [],
  unit: "visitor",
  rolloutBps: 1_000,
  holdoutBps: 1_000,
  routes: [],
  closesRoutes: false,
};

const MAX_ID = 128;

/** What is wrong with an id while it is typed; null: nothing. */
const faultOfId = (id: string): string | null => {
  if (id === "") return null;
  const wrong = [...new Set(id.match(/[^A-Za-z0-9_.:/-]/g))].map((each) => (each === " " ? "a space" : each));
  if (wrong.length > 0) return `may contain letters, digits and _ . : / - only, not ${wrong.join(" ")}`;
  if (id.length > MAX_ID) return `must have at most ${MAX_ID} characters, and has ${id.length}`;
  return id === "." || id === ".." ? "must not be . or .., which a URL cannot carry" : null;
};

const textOrNull = (text: string): string | null => (text.trim() === "" ? null : text.trim());

const bodyOf = ({ closesRoutes, ...mine }: NewFeature): Parameters<typeof createFeature>[0] => ({
  featureId: mine.featureId,
  description: textOrNull(mine.description),
  owner: textOrNull(mine.owner),
  tags: [...mine.tags],
  unit: mine.unit,
  rolloutBps: mine.rolloutBps ?? 0,
  holdoutBps: mine.holdoutBps ?? 0,
  routes: [...mine.routes],
  gate: closesRoutes && mine.routes.length > 0 ? { whenClosed: { action: "notFound" } } : null,
});

const idsUnder = (features: readonly Feature[]): readonly string[] => [
  ...new Set(features.flatMap(({ tags }) => tags)),
];

export default () => {
  const { route } = useLocation();
  const edit = useEdit<NewFeature>({ key: "new feature", version: 0, stored: EMPTY });
  const { mine, change } = edit;
  /** The id of the last attempt. */
  const [asked, setAsked] = useState("");
  const known = useResource("tags in use", () => listFeatures({ limit: 500 }), { everyMs: 600_000 });
  const saving = useSaving({
    edit,
    save: (reason) => {
      setAsked(mine.featureId);
      return createFeature({ ...bodyOf(mine), reason });
    },
    done: (answer) => {
      // One that waits for a second person is not there yet.
      if (!isWaiting(answer)) route(`/features/${encodeURIComponent(mine.featureId)}/rule`);
    },
    moved: () => {},
  });
  const { failure } = saving;
  const isTaken = failure?.reason === "alreadyExists" && asked === mine.featureId;
  const idFault = faultOfId(mine.featureId) ?? (isTaken ? "is that of another feature" : null);
  const refusal =
    whyNot("editor", mine.tags) ??
    (mine.featureId === "" ? "Give it an id." : idFault === null ? null : `Its id ${idFault}.`);
  const rollout = mine.rolloutBps ?? 0;
  const holdout = mine.holdoutBps ?? 0;
  return (
    <Page
      title="New feature"
      lead="It is made closed: nobody gets it before a person opens it. Its rule comes next."
    >
      <Restored edit={edit} />
      <Form name="New feature" faults={failure?.fields ?? []} submit={saving.save}>
        <Group title="What it is">
          <TextInput
            field="featureId"
            label="Id"
            required
            spellcheck={false}
            placeholder="checkout_one_page"
            value={mine.featureId}
            onValue={(featureId) => change({ featureId: featureId.trim() })}
            fault={idFault}
            hint={
              <>
                The site's code and the telemetry name it by this. Letters, digits and <code>_ . : / -</code>,
                at most {MAX_ID}. It stays for ever.
              </>
            }
          />
          <TextInput
            field="description"
            label="Description"
            rows={2}
            value={mine.description}
            onValue={(description) => change({ description })}
            hint="What it changes for people, in a sentence."
          />
          <div class="pair">
            <TextInput
              field="owner"
              label="Owner"
              placeholder="a person or a team"
              value={mine.owner}
              onValue={(owner) => change({ owner })}
            />
            <WordsInput
              field="tags"
              label="Tags"
              placeholder="shop payments"
              suggestions={idsUnder(known.data?.features ?? [])}
              value={mine.tags}
              onValue={(tags) => change({ tags })}
              hint="With spaces between them. A tag can be closed as a whole."
            />
          </div>
        </Group>
        <Group title="Who gets it" lead="Once it is open.">
          <ChoiceInput
            field="unit"
            label="Who is assigned and counted"
            value={mine.unit}
            onValue={(unit) => change({ unit })}
            choices={[
              { value: "visitor", name: "Visitors", means: "A browser, whoever signs in with it." },
              {
                value: "user",
                name: "Signed-in users",
                means: "The same on all devices of a user. Nobody else gets it.",
              },
            ]}
          />
          <ShareInput
            field="rolloutBps"
            label="Rollout"
            whole={10_000}
            max={10_000 - holdout}
            value={mine.rolloutBps}
            onValue={(rolloutBps) => change({ rolloutBps })}
            hint={
              <>
                {formatBps(rollout)} get it and are <Term of="treatment">treatment</Term>.
              </>
            }
          />
          <ShareInput
            field="holdoutBps"
            label="Holdout"
            whole={10_000}
            max={10_000 - rollout}
            value={mine.holdoutBps}
            onValue={(holdoutBps) => change({ holdoutBps })}
            hint={
              <>
                {formatBps(holdout)} are kept without it, to compare with. With a{" "}
                <Term of="holdout">holdout</Term> a slow afternoon of the whole site is not held against the
                feature.
              </>
            }
          />
        </Group>
        <Group title="Where it applies">
          <RouteRows routes={mine.routes} onRoutes={(routes) => change({ routes })} />
          <CheckInput
            field="gate"
            label="Answer 404 there to everybody who does not get it"
            hint={
              mine.routes.length === 0
                ? "It needs a route: without one it would close the whole site."
                : "For pages that are new with the feature. Other answers can be chosen later."
            }
            value={mine.closesRoutes && mine.routes.length > 0}
            onValue={(closesRoutes) => change({ closesRoutes })}
          />
        </Group>
        <SaveBar edit={edit} saving={saving} refusal={refusal} name="Make it, closed" />
      </Form>
      {edit.isDirty ? <AskBeforeLeaving what="The new feature" discard={edit.discard} /> : null}
    </Page>
  );
};
