// Where changes arrive: each edge with its revision, its regions and what it last said; and the telemetry that comes back.
import { checkHealth, listEdges, type Edges } from "../client.gen.ts";
import { formatCount } from "../format.ts";
import { Loaded, Page } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { Term } from "../parts/term.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import "./edges.css";

type Edge = Edges["edges"][number];

/** The API counts no more missing changes. */
const MOST_COUNTED = 1_000;

/** What is to be done about an edge that is behind; null: nothing. */
const todoOf = (
  { failingSince, lastError, completeRevision, regions }: Edge,
  revision: number,
): string | null => {
  if (failingSince !== null) {
    if (lastError?.includes("401") === true || lastError?.includes("403") === true)
      return "It refuses the push: PUSH_KEYS of the origin and of the Worker differ. Give the Worker the newest key.";
    return "It is asked again and again. See whether the Worker is deployed at this address (EDGE_URLS), and whether the origin may reach it. Until then it keeps the last state that it has.";
  }
  if (completeRevision >= revision) return null;
  const behind = regions.filter((each) => each.revision < revision).map(({ region }) => region);
  return behind.length === 0
    ? "It has the push and has not confirmed it yet. This takes milliseconds; if it lasts, look at Health."
    : `These regions have not confirmed it yet: ${behind.join(", ")}. They ask for it themselves, within seconds.`;
};

const EdgeCard = ({ edge, revision }: { edge: Edge; revision: number }) => {
  const todo = todoOf(edge, revision);
  const isComplete = edge.completeRevision >= revision;
  return (
    <li class="card edge">
      <div class="edge-head">
        <span class={`badge ${edge.failingSince !== null ? "bad" : isComplete ? "good" : "warn"}`}>
          {edge.failingSince !== null ? "! not reached" : isComplete ? "✓ has it" : "… on its way"}
        </span>
        <strong>{edge.url}</strong>
      </div>
      <dl class="edge-facts">
        <div>
          <dt>
            <Term of="revision">Revision</Term>
          </dt>
          <dd>
            {edge.revision === null ? "unknown" : formatCount(edge.revision)}
            {edge.completeRevision < revision ? ` of ${formatCount(revision)}` : ""}
          </dd>
        </div>
        <div>
          <dt>Confirmed</dt>
          <dd>{edge.confirmedAt === null ? "never" : <Time at={edge.confirmedAt} ago />}</dd>
        </div>
        {edge.missingSince === null ? null : (
          <div>
            <dt>Behind</dt>
            <dd>
              {edge.missingChanges >= MOST_COUNTED
                ? `${formatCount(MOST_COUNTED)} changes or more`
                : edge.missingChanges === 1
                  ? "one change"
                  : `${formatCount(edge.missingChanges)} changes`}
              , the oldest of <Time at={edge.missingSince} ago />
            </dd>
          </div>
        )}
        {edge.failingSince === null ? null : (
          <div>
            <dt>Not reached since</dt>
            <dd>
              <Time at={edge.failingSince} ago />, {formatCount(edge.attempts)} attempts
            </dd>
          </div>
        )}
      </dl>
      {edge.regions.length === 0 ? null : (
        <ul class="regions" aria-label={`Regions of ${edge.url}`}>
          {edge.regions.map((each) => (
            <li key={each.region} class={each.revision >= revision ? "good" : "warn"}>
              <span aria-hidden="true">{each.revision >= revision ? "✓" : "…"}</span> {each.region}{" "}
              <small>
                revision {formatCount(each.revision)}, after {formatCount(each.ms)} ms
              </small>
            </li>
          ))}
        </ul>
      )}
      {edge.lastError === null ? null : <p class="error">{edge.lastError}</p>}
      {todo === null ? null : (
        <p>
          <strong>To do:</strong> {todo}
        </p>
      )}
    </li>
  );
};

/** What the checks of the installation say of edges: clocks, keys, versions. */
const Checks = () => {
  const health = useResource("health", () => checkHealth(), { everyMs: 30_000 });
  return (
    <Loaded from={health}>
      {({ findings }) => {
        const about = findings.filter(({ check }) => /edge|clock|push|telemetry|worker/.test(check));
        return (
          <Rows
            rows={about}
            keyOf={({ check, subject, summary }) => `${check} ${subject ?? ""} ${summary}`}
            empty="Nothing about edges was checked."
            columns={[
              {
                name: "Check",
                cell: ({ check, subject }) => (
                  <>
                    {check} {subject === undefined ? null : <small>{subject}</small>}
                  </>
                ),
              },
              {
                name: "Found",
                cell: ({ status, summary }) => (
                  <span class={status === "failing" ? "error" : ""}>
                    {status === "ok" ? "✓" : "!"} {summary}
                  </span>
                ),
              },
              { name: "What to do", cell: ({ todo }) => todo ?? "–" },
            ]}
          />
        );
      }}
    </Loaded>
  );
};

export default () => {
  const edges = useResource("edges", () => listEdges(), {
    changes: ({ kind }) => kind !== "evaluation",
    everyMs: 5_000,
  });
  return (
    <Page title="Edges" lead="Where changes arrive, and whether telemetry comes back.">
      <Loaded from={edges}>
        {(known) => (
          <>
            <p>
              The newest <Term of="revision">revision</Term> is <strong>{formatCount(known.revision)}</strong>
              .
            </p>
            {known.edges.length === 0 ? (
              <p class="empty">
                No edge is configured: changes reach nobody. Name the addresses of your Workers in EDGE_URLS,
                and start the origin again.
              </p>
            ) : (
              <ul class="edge-cards">
                {known.edges.map((edge) => (
                  <EdgeCard key={edge.url} edge={edge} revision={known.revision} />
                ))}
              </ul>
            )}
            <h2>Telemetry by region</h2>
            <Rows
              rows={known.telemetry}
              keyOf={({ region }) => region}
              empty="No edge has sent telemetry yet. Is ORIGIN_URL right in wrangler.toml, and the ingest token too?"
              columns={[
                { name: "Region", cell: ({ region }) => region },
                { name: "Last heard of", cell: ({ seenAt }) => <Time at={seenAt} ago /> },
                { name: "Spans lost by its edges", cell: ({ droppedSpans }) => formatCount(droppedSpans) },
                {
                  name: "Held back from",
                  cell: ({ waitsFrom }) =>
                    waitsFrom === null ? (
                      "–"
                    ) : (
                      <span title="People of this region are not judged from here on, because it was not heard of.">
                        <Time at={waitsFrom} />
                      </span>
                    ),
                },
              ]}
            />
          </>
        )}
      </Loaded>
      <h2>Clocks, keys and versions</h2>
      <Checks />
    </Page>
  );
};
