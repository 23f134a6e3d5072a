// What is checked, the worst first, with what to do; and what keeps failing to be delivered.
import { checkHealth, listDeadLetters, type Health } from "../client.gen.ts";
import { formatCount } from "../format.ts";
import { showGuide } from "../guide/which.ts";
import { Badge } from "../parts/badge.tsx";
import { Copy } from "../parts/copy.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import type { Word } from "../words.ts";
import "./health.css";

type Finding = Health["findings"][number];

const STATUS: Readonly<Record<Finding["status"], Word>> = {
  ok: { word: "Well", tone: "good", sign: "✓", means: "Nothing is to be done." },
  warning: { word: "Look at it", tone: "warn", sign: "!", means: "It works, and will not for ever." },
  unknown: { word: "Not known", tone: "off", sign: "?", means: "It could not be checked." },
  failing: { word: "Failing", tone: "bad", sign: "✕", means: "Something does not work." },
};
const RANKS = ["failing", "unknown", "warning", "ok"] as const;

const worstFirst = (findings: readonly Finding[]): Finding[] =>
  findings.toSorted((a, b) => RANKS.indexOf(a.status) - RANKS.indexOf(b.status));

/** For a ticket or a chat. */
const textOf = ({ version, node, at, findings }: Health): string =>
  [
    `Sluice ${version} on Node ${node}, ${at}`,
    ...worstFirst(findings).map(({ check, subject, status, summary, todo }) =>
      [
        `[${status}] ${check}${subject === undefined ? "" : ` ${subject}`}: ${summary}`,
        ...(todo === undefined ? [] : [`    To do: ${todo}`]),
      ].join("\n"),
    ),
    "",
  ].join("\n");

const Findings = ({ findings }: { findings: readonly Finding[] }) => (
  <ul class="findings">
    {findings.map(({ check, subject, status, summary, todo }) => (
      <li key={`${check} ${subject ?? ""} ${summary}`} class={`card finding ${STATUS[status].tone}`}>
        <div class="finding-head">
          <Badge state={STATUS[status]} /> <strong>{check}</strong> {subject ?? ""}
        </div>
        <p>{summary}</p>
        {todo === undefined ? null : (
          <p class="todo">
            <strong>To do:</strong> {todo}
          </p>
        )}
      </li>
    ))}
  </ul>
);

const DeadLetters = () => {
  const letters = useResource("dead letters", () => listDeadLetters(), { everyMs: 15_000 });
  return (
    <section aria-labelledby="dead-letters">
      <h2 id="dead-letters">What keeps failing to be delivered</h2>
      <Loaded from={letters}>
        {({ deadLetters }) => (
          <Rows
            rows={deadLetters}
            keyOf={({ kind, target, revision }) => `${kind} ${target} ${revision ?? ""}`}
            empty="Every change is delivered. What fails again and again would stand here until it is taken."
            columns={[
              {
                name: "Where",
                cell: ({ kind, target }) => (
                  <>
                    {target} <small>{kind === "edge" ? "an edge" : "the bus"}</small>
                  </>
                ),
              },
              { name: "Revision", cell: ({ revision }) => (revision === null ? "–" : formatCount(revision)) },
              { name: "Failing since", cell: ({ failingSince }) => <Time at={failingSince} ago /> },
              { name: "Attempts", cell: ({ attempts }) => formatCount(attempts) },
              { name: "Last error", cell: ({ lastError }) => lastError ?? "–" },
            ]}
          />
        )}
      </Loaded>
    </section>
  );
};

export default () => {
  const health = useResource("health", () => checkHealth(), { everyMs: 15_000 });
  return (
    <Page
      title="Health"
      lead="What npx sluice doctor checks: database, bus, edges, telemetry, clocks, keys, rules."
      actions={
        <>
          <button type="button" onClick={() => showGuide("first-run")}>
            Show the first steps
          </button>
          <button type="button" onClick={health.reload}>
            Check again
          </button>
          {health.data === undefined ? null : <Copy text={textOf(health.data)} name="Copy as text" />}
        </>
      }
    >
      <Loaded from={health}>
        {({ findings, status, version, node, at }) => {
          const sorted = worstFirst(findings);
          const open = sorted.filter((each) => each.status !== "ok");
          const well = sorted.filter((each) => each.status === "ok");
          return (
            <>
              <p>
                <Badge state={STATUS[status]} /> Sluice {version} on Node {node}, checked <Time at={at} ago />
              </p>
              {open.length === 0 ? (
                <p class="notice good">All {formatCount(well.length)} checks are well.</p>
              ) : (
                <Findings findings={open} />
              )}
              <details>
                <summary>
                  {formatCount(well.length)} {well.length === 1 ? "check is" : "checks are"} well
                </summary>
                <Findings findings={well} />
              </details>
            </>
          );
        }}
      </Loaded>
      <DeadLetters />
    </Page>
  );
};
