// The names of a document's fields and their values, for people who do not read JSON.
import type { Condition } from "../client.gen.ts";
import { sentenceOf } from "../segments/condition.ts";
import { formatBps, formatDuration, formatRate } from "../format.ts";

type Shown = (value: unknown) => string;

const asText: Shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));
const asNumber =
  (format: (value: number) => string): Shown =>
  (value) =>
    typeof value === "number" ? format(value) : asText(value);
const list: Shown = (value) =>
  Array.isArray(value) ? (value.length === 0 ? "none" : value.map(asText).join(", ")) : asText(value);
const yesOrNo: Shown = (value) => (value === true ? "yes" : "no");
const bps = asNumber(formatBps);
const rate = asNumber(formatRate);
const seconds = asNumber(formatDuration);

const condition: Shown = (value) =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a field of this name is a segment's condition
  typeof value === "object" && value !== null ? sentenceOf(value as Condition) : asText(value);

const FIELDS: Readonly<Record<string, readonly [string, Shown]>> = {
  description: ["Description", asText],
  owner: ["Owner", asText],
  link: ["Link", asText],
  tags: ["Tags", list],
  requires: ["Requires", list],
  removeAfter: ["Gone after", asText],
  lockdown: ["Locked down", yesOrNo],
  private: ["Private", yesOrNo],
  unit: ["Who is counted", asText],
  failureMode: ["At an edge that hears nothing", asText],
  rolloutBps: ["Rollout", bps],
  holdoutBps: ["Holdout", bps],
  targeting: ["Targeting", asText],
  condition: ["Condition", condition],
  routes: ["Routes", list],
  activation: ["Activation", asText],
  "gate.upstream": ["Another upstream", asText],
  "gate.path": ["Another path", asText],
  "gate.whenClosed": ["Answer without the feature", asText],
  "gate.html.elements": ["Elements of pages", yesOrNo],
  "gate.html.flags": ["Flags for scripts", yesOrNo],
  activationThreshold: ["Activation, at least", rate],
  retentionThreshold: ["Retention, at least", rate],
  latencyP95Threshold: ["95 % of requests faster than", asNumber((ms) => `${ms} ms`)],
  errorRateThreshold: ["Failed requests, at most", rate],
  minCohortSize: ["People before anything is decided", asText],
  evaluationWindowSeconds: ["Deadline", seconds],
  activationWindowSeconds: ["Time to act", seconds],
  retentionWindowSeconds: ["Time to come back", seconds],
  returnAfterSeconds: ["A return counts after", seconds],
  falseRollbackRate: ["False-rollback rate", asText],
  prior: ["Prior", asText],
  "latency.of": ["Requests whose time counts", asText],
  "compare.activation": ["Activation is compared with", asText],
  "compare.retention": ["Retention is compared with", asText],
  "compare.latency": ["Slow requests are compared with", asText],
  "compare.errorRate": ["Errors are compared with", asText],
  onFailure: ["When it fails", asText],
  onDeadline: ["At the deadline", asText],
  ramp: ["Ramp", asText],
  mode: ["What a decision does", asText],
};

export const fieldName = (path: string): string => FIELDS[path]?.[0] ?? path;

export const fieldValue = (path: string, value: unknown): string =>
  value === undefined || value === null ? "nothing" : (FIELDS[path]?.[1] ?? asText)(value);
