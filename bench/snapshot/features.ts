// Features as an origin pushes them: as plain as most are, and with everything that a feature can have.

const plain = (i: number) => ({
  featureId: `feat_bench_${i}`,
  enabled: true,
  rolloutBps: 5_000,
  holdoutBps: 1_000,
  epoch: 1,
  version: 1 + (i % 7),
  failureMode: "static",
  targeting: null,
  routes: [] as object[],
  gate: null as object | null,
  activation: null as object | null,
});

/** Two routes, a tree of seven conditions, every action of a gate, an activation: some 900 bytes. */
const rich = (i: number) => ({
  ...plain(i),
  targeting: {
    operator: "and",
    conditions: [
      {
        operator: "or",
        conditions: [
          { attribute: "country", operator: "in", values: ["DE", "AT", "CH", "FR"] },
          { attribute: "header:x-plan", operator: "equals", value: `plan-${i % 5}` },
        ],
      },
      { attribute: "device", operator: "equals", value: "mobile" },
      {
        operator: "not",
        condition: {
          attribute: "header:x-app-version",
          operator: "versionLessThan",
          value: `2.${i % 20}.0`,
        },
      },
      { attribute: "claim:groups", operator: "in", values: [`group-${i}`, "staff"] },
    ],
  },
  routes: [{ path: `/section-${i}/:id` }, { path: `/shop/area-${i}/*`, methods: ["GET", "POST"] }],
  gate: {
    upstream: "https://next.shop.example",
    path: "/next/:id",
    whenClosed: { action: "redirect", to: "/sorry", status: 302 },
    html: { elements: true, flags: true },
  },
  activation: { path: `/section-${i}/buy`, method: "POST", status: 200 },
});

export const makers = { plain, rich };
