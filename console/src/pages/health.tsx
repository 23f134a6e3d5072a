import { checkHealth } from "../client.gen.ts";
import { showGuide } from "../guide/which.ts";
import { Badge } from "../parts/badge.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import type { Word } from "../words.ts";

const STATUS: Readonly<Record<"ok" | "warning" | "unknown" | "failing", Word>> = {
  ok: { word: "Well", tone: "good", sign: "✓", means: "Nothing is to be done." },
  warning: { word: "Look at it", tone: "warn", sign: "!", means: "It works, and will not for ever." },
  unknown: { word: "Not known", tone: "off", sign: "?", means: "It could not be checked." },
  failing: { word: "Failing", tone: "bad", sign: "✕", means: "Something does not work." },
};
const RANKS = ["failing", "unknown", "warning", "ok"] as const;

export default () => {
  const health = useResource("health", () => checkHealth(), { everyMs: 15_000 });
  return (
    <Page
      title="Health"
      actions={
        <button type="button" onClick={() => showGuide("first-run")}>
          Show the first steps
        </button>
      }
      lead="What npx sluice doctor checks: database, bus, edges, telemetry, clocks, keys, rules."
    >
      <Loaded from={health}>
        {({ findings, status, version, node, at }) => (
          <>
            <p>
              <Badge state={STATUS[status]} /> Sluice {version} on Node {node}, <Time at={at} ago />
            </p>
            <Rows
              rows={findings.toSorted((a, b) => RANKS.indexOf(a.status) - RANKS.indexOf(b.status))}
              keyOf={({ check, subject, summary }) => `${check} ${subject} ${summary}`}
              empty="Nothing was checked."
              columns={[
                {
                  name: "Check",
                  cell: ({ check, subject }) => (
                    <>
                      {check} <small>{subject}</small>
                    </>
                  ),
                },
                { name: "State", cell: (finding) => <Badge state={STATUS[finding.status]} /> },
                { name: "Found", cell: ({ summary }) => summary },
                { name: "What to do", cell: ({ todo }) => todo ?? "–" },
              ]}
            />
          </>
        )}
      </Loaded>
    </Page>
  );
};
