// The people of the seeded shop, and what they did by hand: everything that is no feature, and the changes of features that
// no decision made.

type Json = Readonly<Record<string, unknown>>;

export type Person = {
  readonly name: string;
  /** As the audit names them. */
  readonly holder: string;
  readonly scope: "viewer" | "editor" | "admin";
};

export const PEOPLE = [
  { name: "maria", holder: "maria@shop.example", scope: "admin" },
  { name: "jonas", holder: "jonas@shop.example", scope: "editor" },
  { name: "aylin", holder: "aylin@shop.example", scope: "editor" },
  { name: "sven", holder: "sven@shop.example", scope: "viewer" },
] as const satisfies readonly Person[];

/** Of machines; `days`: when it was made, and when it was used last (null: never). */
export const MACHINES = [
  { name: "deploys", scope: "editor", tags: ["checkout", "catalogue"], madeDays: 29, usedDays: 0.2 },
  { name: "grafana", scope: "viewer", tags: null, madeDays: 29, usedDays: 0.02 },
  { name: "edge-ingest", scope: "ingest", tags: null, madeDays: 30, usedDays: 0.01 },
  { name: "old-laptop", scope: "editor", tags: null, madeDays: 28, usedDays: 12, revokedDays: 11 },
] as const;

/** A call of the admin API in a person's name. */
export type Act = {
  readonly days: number;
  readonly by: (typeof PEOPLE)[number]["name"];
  readonly method: "POST" | "PUT";
  readonly path: string;
  readonly body: Json;
};

export const SEGMENTS = [
  {
    segmentId: "beta-testers",
    description: "Signed up for early access",
    condition: { attribute: "cookie:beta", operator: "equals", value: "1" },
  },
  {
    segmentId: "dach",
    description: "Germany, Austria and Switzerland",
    condition: { attribute: "country", operator: "in", values: ["DE", "AT", "CH"] },
  },
  {
    segmentId: "phones",
    description: "Whoever comes by a phone",
    condition: { attribute: "device", operator: "equals", value: "mobile" },
  },
] as const;

/** What was done to features after they were opened. */
export const ACTS: readonly Act[] = [
  {
    days: 17,
    by: "maria",
    method: "POST",
    path: "/features/feat_smart_recs_v1/rollout",
    body: { rolloutBps: 6_000, reason: "It does well: more of the catalogue's visitors" },
  },
  {
    days: 13.2,
    by: "jonas",
    method: "POST",
    path: "/features/feat_gift_wrap/rollback",
    body: { reason: "The warehouse has run out of paper" },
  },
  {
    days: 4.4,
    by: "jonas",
    method: "POST",
    path: "/features/feat_price_alerts/ramp",
    body: { paused: true, reason: "Nobody looks after it over the holidays" },
  },
  {
    days: 0.4,
    by: "jonas",
    method: "POST",
    path: "/features/feat_pay_later/enable",
    body: { reason: "The contract with the bank is signed" },
  },
];

export const APPROVAL_POLICY = { tags: ["payments"], reason: "Whatever moves money needs four eyes" };

export const HOOKS = [
  { name: "alertmanager", source: "alertmanager", allowedTags: ["checkout"], mode: "enforce" },
  { name: "datadog", source: "datadog", featureId: "feat_one_page_cart", mode: "shadow" },
] as const;

/** `.example` has no addresses: nothing is ever sent. */
export const TARGETS = [
  {
    name: "checkout-team",
    type: "slack",
    url: "https://chat.shop.example/hooks/T01/B02/secret",
    tags: ["checkout"],
  },
  { name: "data-warehouse", type: "webhook", url: "https://warehouse.shop.example/sluice" },
] as const;
