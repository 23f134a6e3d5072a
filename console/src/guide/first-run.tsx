// The first feature of an empty installation, step by step. Each step turns when it is true, in whatever order.
import { useState } from "preact/hooks";
import { explainVerdict, listEdges, listFeatures } from "../client.gen.ts";
import { formatCount } from "../format.ts";
import { Loaded } from "../parts/page.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import { Steps, useSticky, type Step } from "./steps.tsx";

const LOOK_EVERY_MS = 2_000;

const look = async () => {
  const [edges, { features }] = await Promise.all([
    listEdges(),
    listFeatures({ sort: "createdAt", order: "desc", limit: 1 }),
  ]);
  const featureId = features[0]?.featureId;
  return { edges, why: featureId === undefined ? null : await explainVerdict(featureId) };
};
type Look = Awaited<ReturnType<typeof look>>;

const EdgeStep = ({ edges }: Pick<Look, "edges">) =>
  edges.edges.length === 0 ? (
    <p>
      No edge is named in <code>EDGE_URLS</code>: set it to the address of your Worker and start the origin
      again.
    </p>
  ) : (
    <ul>
      {edges.edges.map(({ url, revision, failingSince, lastError }) => (
        <li key={url}>
          <a href={url} target="_blank" rel="noreferrer">
            {url}
          </a>{" "}
          {failingSince !== null
            ? `does not answer: ${lastError ?? ""}`
            : revision === null
              ? "has not answered yet"
              : `answers, revision ${revision}. Open it: you should see your site (UPSTREAM_URL).`}
        </li>
      ))}
    </ul>
  );

const stepsOf = ({ edges, why }: Look, hasLooked: boolean, onLook: () => void): Step[] => {
  const edge = edges.edges.find(({ failingSince, revision }) => failingSince === null && revision !== null);
  const page = why === null ? null : `/features/${encodeURIComponent(why.featureId)}`;
  const met = why === null ? 0 : why.cohorts.treatment.exposed + why.cohorts.holdout.exposed;
  const name = why?.featureId ?? "the feature";
  return [
    {
      name: "The edge stands before your site",
      isDone: edge !== undefined,
      text: <EdgeStep edges={edges} />,
    },
    {
      name: "Make a feature, in shadow",
      isDone: why !== null,
      text:
        page === null ? (
          <p>
            It begins closed, and its rule in shadow: decisions are written down and nothing is closed by
            them. <a href="/new-feature">Make the first feature</a>
          </p>
        ) : (
          <p>
            <a href={page}>{name}</a> is there.
          </p>
        ),
    },
    {
      name: "Open it for some visitors, with a rule",
      isDone: why !== null && why.mode !== null && (why.enabled || why.rolledBackAt !== null),
      text:
        page === null ? null : (
          <p>
            {why?.enabled === true ? "It is open." : "It is closed: open it on its page."}{" "}
            {why?.mode === null ? "It has no rule yet: say what it has to achieve." : "It has a rule."}{" "}
            <a href={page}>To its page</a>
          </p>
        ),
    },
    {
      name: "Look at yourself in the gate",
      isDone: hasLooked,
      text:
        edge === undefined ? null : (
          <p>
            <a href={edge.url} target="_blank" rel="noreferrer">
              Visit your site
            </a>
            , then see{" "}
            <a href={`${edge.url}/.sluice/overlay`} target="_blank" rel="noreferrer" onClick={onLook}>
              what you get and why
            </a>
            .
          </p>
        ),
    },
    {
      name: "Telemetry arrives",
      isDone: met > 0,
      text: (
        <p>
          <strong class="counter">{formatCount(met)}</strong> people have met {name}
          {why?.newestExposureAt == null ? null : (
            <>
              , the last <Time at={why.newestExposureAt} ago />
            </>
          )}
          . The edge sends this by itself (<code>ORIGIN_URL</code>). Spans of your own go to{" "}
          <code>POST /v1/traces</code> of this origin, with the ingest token. Bots such as curl are not
          counted.
        </p>
      ),
    },
    {
      name: "Watch it being judged",
      isDone: why !== null && why.verdict !== null,
      text:
        page === null ? null : (
          <p>
            {why?.verdict === null ? "It was not evaluated yet." : why?.summary} <a href={page}>Read why</a>
          </p>
        ),
    },
  ];
};

const Guided = ({ known }: { known: Look }) => {
  const [hasLooked, setLooked] = useState(false);
  return (
    <Steps
      steps={useSticky(
        "first-run",
        stepsOf(known, hasLooked, () => setLooked(true)),
      )}
    />
  );
};

export default () => {
  const known = useResource("first-run", look, { changes: () => true, everyMs: LOOK_EVERY_MS });
  return <Loaded from={known}>{(data) => <Guided known={data} />}</Loaded>;
};
