// Whether each edge can be reached, follows the database, agrees about keys and time, and takes pushes. An edge is asked as
// the pusher asks it at first contact: it takes nothing from the question.
import { z } from "zod";
import type { Pool } from "../../db/pool.ts";
import type { Changes } from "../../features/read-snapshot.ts";
import { errorText } from "../../runtime/error-text.ts";
import type { Finding, HealthCheck } from "../../runtime/health.ts";
import { LISTENER } from "../listen.ts";
import { readDeadLetters, readEdges, type EdgeStatus } from "./edge-status.ts";
import type { PushAnswer, Send } from "./send-push.ts";
import { probeOf } from "./split-push.ts";

const TIMEOUT_MS = 4_000;
/** A push with a signature of 300 s ago is refused; the header `Date` has whole seconds. */
const CLOCK_WARNING_S = 10;
const CLOCK_FAILING_S = 240;
/** Of refused or dropped spans an isolate may have a few from its beginning. */
const LOST_SHARE = 0.01;
const MAX_DEAD_LETTERS = 20;

const EdgeHealth = z.object({
  revision: z.number().nullable(),
  ageMs: z.number(),
  source: z.string(),
  telemetry: z
    .object({ sent: z.number(), refused: z.number(), dropped: z.number(), waiting: z.number() })
    .optional(),
});
type EdgeHealth = z.infer<typeof EdgeHealth>;
const Problem = z.object({ detail: z.string() });

type Seen = { readonly health: EdgeHealth; readonly clockAwayS: number };

const askEdge = async (url: string, nowMs: () => number): Promise<Seen | Finding> => {
  const failing = (summary: string, todo: string): Finding => ({
    status: "failing",
    subject: url,
    summary,
    todo,
  });
  let response: Response;
  let text: string;
  try {
    response = await fetch(new URL("/.sluice/health", url), {
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await response.text();
  } catch (error) {
    return failing(
      `cannot be reached: ${errorText(error)}`,
      "see whether EDGE_URLS has its address, and whether this machine may connect to it",
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = null;
  }
  if (response.status === 503) {
    const problem = Problem.safeParse(json);
    return failing(
      `does not gate: ${problem.success ? problem.data.detail : "its variables are wrong"}`,
      "set the Worker's variables as named, with `wrangler secret put` or in wrangler.toml, and deploy",
    );
  }
  const health = EdgeHealth.safeParse(json);
  if (!response.ok || !health.success)
    return failing(
      `answers ${response.status} at /.sluice/health, and not as an edge does`,
      "see whether the Worker is deployed on this address, and whether a firewall stands before it",
    );
  const dateMs = Date.parse(response.headers.get("date") ?? "");
  // Whole seconds, so that half a second is to be expected.
  const awayS = Number.isNaN(dateMs) ? 0 : Math.abs(dateMs + 500 - nowMs()) / 1_000;
  return { health: health.data, clockAwayS: awayS };
};

const pushFinding = (url: string, answer: PushAnswer): Finding => {
  switch (answer.kind) {
    case "confirmed":
    case "out-of-step":
    case "incomplete":
      return answer.isSigned
        ? { status: "ok", subject: url, summary: "takes pushes: its keys are the origin's" }
        : {
            status: "warning",
            subject: url,
            summary: "takes pushes, and does not sign its answers",
            todo: "deploy the Worker of this version; of an edge that does not sign less is believed",
          };
    case "refused":
      return {
        status: "failing",
        subject: url,
        summary: `refuses pushes: ${answer.error}`,
        todo: "give origin and Worker the same PUSH_KEYS, and let POST /.sluice/push through any firewall",
      };
    case "failed":
      return {
        status: "failing",
        subject: url,
        summary: `a push does not arrive: ${answer.error}`,
        todo: "see the Worker's log and what stands between",
      };
  }
};

const count = (changes: number): string => {
  if (changes >= 1_000) return "1,000 changes or more";
  return changes === 1 ? "one change" : `${changes} changes`;
};

/** In the words of a finding; empty: it lacks nothing, or nothing is known of it. */
const behindText = (known: EdgeStatus | undefined): string =>
  known === undefined || known.missingSince === null
    ? ""
    : `, and lacks ${count(known.missingChanges)}, the oldest of ${known.missingSince.toISOString()}`;

const revisionFinding = (
  url: string,
  { revision, source }: EdgeHealth,
  head: number,
  known: EdgeStatus | undefined,
): Finding => {
  const failing = known?.failingSince ?? null;
  const because =
    failing === null ? "" : `, failing since ${failing.toISOString()}: ${known?.lastError ?? ""}`;
  if (source === "default" && head > 0)
    return {
      status: "failing",
      subject: url,
      summary: `has no features yet: no push has arrived${because}`,
      todo: "see whether a process with the role push has it in EDGE_URLS",
    };
  const summary = `has revision ${revision ?? 0} of ${head}${failing === null ? "" : behindText(known)}${because}`;
  if ((revision ?? 0) >= head && failing === null) return { status: "ok", subject: url, summary };
  return {
    status: failing === null ? "warning" : "failing",
    subject: url,
    summary,
    todo: "ask again in a few seconds; if it stays, a process with the role push does not run or cannot reach it",
  };
};

const clockFinding = (url: string, awayS: number): Finding => {
  const summary = `the edge's clock is ${awayS.toFixed(0)} s from the origin's`;
  if (awayS < CLOCK_WARNING_S) return { status: "ok", subject: url, summary };
  return {
    status: awayS < CLOCK_FAILING_S ? "warning" : "failing",
    subject: url,
    summary,
    todo: "let the origin's machine follow a time server; with more than 300 s between them an edge refuses pushes",
  };
};

const telemetryFinding = (url: string, { telemetry }: EdgeHealth): readonly Finding[] => {
  if (telemetry === undefined) return [];
  const { sent, refused, dropped } = telemetry;
  const lost = refused + dropped;
  if (lost === 0 || lost < LOST_SHARE * (sent + lost)) return [];
  return [
    {
      status: "warning",
      subject: url,
      summary: `an isolate has sent ${sent} spans, ${refused} were refused and ${dropped} dropped`,
      todo: "give the Worker the origin's INGEST_TOKEN and an ORIGIN_URL that it can reach",
    },
  ];
};

/** Asked of the database, because any process may have the role push. */
const listenFinding = async (pool: Pool): Promise<Finding> => {
  const { rows } = await pool.query<{ sessions: number }>(
    `select count(*)::float8 as sessions from pg_stat_activity
     where datname = current_database() and application_name = $1`,
    [LISTENER],
  );
  const sessions = rows[0]?.sessions ?? 0;
  return sessions > 0
    ? {
        status: "ok",
        summary: `${sessions === 1 ? "one process hears" : `${sessions} processes hear`} of changes as they are committed`,
      }
    : {
        status: "failing",
        summary: "no process is connected to hear of changes, so they come to edges late or not at all",
        todo: "see whether a process with the role push runs, and what its /readyz and its log say",
      };
};

/** `send` is undefined where this process has no PUSH_KEYS. `configured`: EDGE_URLS of this process. `nowMs`: wall clock. */
export const edgeChecks = (options: {
  pool: Pool;
  configured: readonly string[];
  send: Send | undefined;
  readHead: () => Promise<Changes>;
  nowMs: () => number;
}): readonly HealthCheck[] => {
  const { pool, configured, send, readHead, nowMs } = options;

  const findingsOf = async (
    url: string,
    head: number,
    known: EdgeStatus | undefined,
  ): Promise<readonly Finding[]> => {
    const pushed = async (): Promise<readonly Finding[]> => {
      if (send === undefined) return [];
      const { message } = await readHead();
      return [pushFinding(url, await send(url, probeOf({ message, closes: [] }, { asks: false })))];
    };
    const [seen, taken] = await Promise.all([askEdge(url, nowMs), pushed()]);
    // One that cannot be reached takes no push for the same reason.
    if ("status" in seen) return [{ ...seen, summary: `${seen.summary}${behindText(known)}` }];
    const { health, clockAwayS } = seen;
    return [
      revisionFinding(url, health, head, known),
      ...taken,
      clockFinding(url, clockAwayS),
      ...telemetryFinding(url, health),
    ];
  };

  return [
    {
      id: "edges",
      run: async () => {
        const { revision, edges } = await readEdges(pool);
        const urls = [...new Set([...configured, ...edges.map(({ url }) => url)])];
        if (urls.length === 0)
          return [
            {
              status: "warning",
              summary: "no edge is told about changes",
              todo: "set EDGE_URLS and PUSH_KEYS of the origin (docs/before-a-site.md, step 5)",
            },
          ];
        const found = urls.map((url) =>
          findingsOf(
            url,
            revision,
            edges.find((edge) => edge.url === url),
          ),
        );
        return (await Promise.all(found)).flat();
      },
    },
    { id: "listener", run: async () => [await listenFinding(pool)] },
    {
      id: "delivery",
      run: async () => {
        const letters = (await readDeadLetters(pool, MAX_DEAD_LETTERS)).filter(
          ({ kind }) => kind === "message",
        );
        if (letters.length === 0) return [{ status: "ok", summary: "no message of the outbox waits" }];
        return letters.map(({ target, revision, failingSince, attempts, lastError }) => ({
          status: "failing",
          subject: target,
          summary: `revision ${revision ?? 0} waits since ${failingSince.toISOString()} after ${attempts} attempts: ${lastError ?? ""}`,
          todo: "see the origin's log; it is still being tried",
        }));
      },
    },
  ];
};
