// `sluice doctor`: what is wrong with an installation, and what to do. The origin checks what it needs; here is added what
// only this side can see: whether the origin can be reached, takes the token, and has the same time and version.
import { defineCommand } from "citty";
import { z } from "zod";
import packageJson from "../../package.json" with { type: "json" };
import { errorText } from "../runtime/error-text.ts";
import { worstOf, type HealthStatus } from "../runtime/health.ts";
import { askOrigin, originArgument } from "./ask-origin.ts";
import { UsageError } from "./errors.ts";
import { coloured, jsonArgument, lineWidth, printJson, printLine, say, wrapText } from "./print.ts";

const Status = z.enum(["ok", "warning", "unknown", "failing"]);
const Finding = z.object({
  check: z.string(),
  status: Status,
  subject: z.string().optional(),
  summary: z.string(),
  todo: z.string().optional(),
});
type Finding = z.infer<typeof Finding>;
const Health = z.looseObject({ version: z.string(), node: z.string(), findings: z.array(Finding) });

const CLOCK_AWAY_S = 10;
/** Its checks take six seconds at most, all at once. */
const WITHIN_MS = 30_000;

const clockFinding = (date: string | null, askedMs: number, answeredMs: number): Finding[] => {
  const originMs = Date.parse(date ?? "");
  if (Number.isNaN(originMs)) return [];
  // The header has whole seconds, and the answer took a while.
  const slackMs = 500 + (answeredMs - askedMs) / 2;
  const awayS = Math.max(0, Math.abs(originMs + 500 - (askedMs + answeredMs) / 2) - slackMs) / 1_000;
  const summary = `this machine's clock is ${awayS.toFixed(0)} s from the origin's`;
  return [
    awayS < CLOCK_AWAY_S
      ? { check: "clock", subject: "this machine", status: "ok", summary }
      : {
          check: "clock",
          subject: "this machine",
          status: "warning",
          summary,
          todo: "let both follow a time server; --expires and times of schedules are read by this clock",
        },
  ];
};

const versionFinding = ({ version, node }: z.infer<typeof Health>): Finding => {
  const own = packageJson.version;
  const summary = `origin ${version} on Node ${node}, this CLI ${own}`;
  return version === own
    ? { check: "version", status: "ok", summary }
    : { check: "version", status: "warning", summary, todo: "use the CLI of the origin's version" };
};

/** Throws where the origin cannot be asked at all. */
const examine = async (origin: string | undefined): Promise<Finding[]> => {
  const askedMs = Date.now();
  const alive = await askOrigin(origin, { path: "/livez", below: "", withinMs: WITHIN_MS });
  const clock = clockFinding(alive.headers.get("date"), askedMs, Date.now());
  try {
    const answer = await askOrigin(origin, { path: "/health", withinMs: WITHIN_MS });
    const health = Health.parse(await answer.json());
    return [versionFinding(health), ...clock, ...health.findings];
  } catch (error) {
    const todo =
      error instanceof UsageError
        ? "make one with `npx sluice tokens create NAME --scope viewer`, or ask who may"
        : "see the origin's log";
    const check = error instanceof UsageError ? "token" : "origin";
    return [...clock, { check, status: "failing", summary: errorText(error), todo }];
  }
};

const COLOURS = { ok: "green", warning: "yellow", unknown: "yellow", failing: "red" } as const;
const STATUS_WIDTH = 9;

const findingText = ({ check, status, subject, summary, todo }: Finding): string => {
  const mark = coloured(COLOURS[status], status.padEnd(STATUS_WIDTH));
  const about = subject === undefined ? check : `${check} ${subject}`;
  const indent = " ".repeat(STATUS_WIDTH);
  const width = lineWidth() - STATUS_WIDTH;
  const [first = "", ...rest] = wrapText(`${about}: ${summary}`, width);
  return [
    `${mark}${first}`,
    ...rest.map((line) => `${indent}${line}`),
    ...(todo === undefined
      ? []
      : wrapText(todo, width - 3).map((line, at) => `${indent}${at === 0 ? "→ " : "  "}${line}`)),
  ].join("\n");
};

const ORDER: readonly HealthStatus[] = ["failing", "unknown", "warning", "ok"];

export const doctorCommand = defineCommand({
  meta: { name: "doctor", description: "Check the whole installation, and say what is wrong and what to do" },
  args: {
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    const findings = await examine(args.origin);
    const status = worstOf(findings.map((finding) => finding.status));
    process.exitCode = status === "failing" || status === "unknown" ? 1 : 0;
    if (findings.some(({ check, status: one }) => check === "token" && one === "failing"))
      process.exitCode = 2;
    if (args.json) return printJson({ status, findings });
    const sorted = findings.toSorted((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
    printLine(sorted.map(findingText).join("\n"));
    const counts = ORDER.map(
      (one) => [one, findings.filter((found) => found.status === one).length] as const,
    );
    return say(
      counts
        .filter(([, count]) => count > 0)
        .map(([one, count]) => `${count} ${one}`)
        .join(", "),
    );
  },
});
