// The features of the seeded shop: what each is, how its people behave, and in which state it is to be found.
import type { Cohorts } from "./telemetry-rows.ts";

type Json = Readonly<Record<string, unknown>>;

export type SeededFeature = {
  readonly featureId: string;
  /** As POST /features takes it. */
  readonly state: Json;
  /** As PUT …/rule takes it; null: it has none. */
  readonly rule: Json | null;
  /** Days before now at which it was made. */
  readonly madeDays: number;
  /** Days before now at which it was opened; null: never. */
  readonly openedDays: number | null;
  readonly madeBy: string;
  /** Visitors an hour on its pages by day. */
  readonly visitors: number;
  readonly cohorts: Cohorts;
  /** From so many days before now on its treatment does this instead. */
  readonly turns?: { readonly days: number; readonly treatment: Partial<Cohorts["treatment"]> };
};

const usual = { activation: 0.2, retention: 0.42, latencyMs: 120, errorRate: 0.002 };
/** Holdout and treatment alike, but for what is named. */
const withTreatment = (treatment: Partial<Cohorts["treatment"]> = {}): Cohorts => ({
  holdout: usual,
  treatment: { ...usual, ...treatment },
});

const rule = {
  activationThreshold: 0.17,
  retentionThreshold: 0.35,
  latencyP95Threshold: 400,
  minCohortSize: 400,
  evaluationWindowSeconds: 14 * 86_400,
  activationWindowSeconds: 86_400,
  retentionWindowSeconds: 604_800,
  mode: "enforce",
};
const buy = { path: "/checkout", method: "POST" };
const state = { rolloutBps: 5_000, holdoutBps: 1_000, activation: buy };

export const FEATURES: readonly SeededFeature[] = [
  {
    featureId: "feat_smart_recs_v1",
    state: {
      ...state,
      tags: ["catalogue"],
      owner: "Discovery",
      description: "Recommends products by what a visitor has looked at",
      link: "https://tickets.shop.example/DISC-412",
      routes: [{ path: "/" }],
      gate: { html: { elements: true } },
    },
    rule,
    madeDays: 27,
    openedDays: 24,
    madeBy: "maria",
    visitors: 160,
    cohorts: withTreatment({ activation: 0.205 }),
    turns: { days: 6, treatment: { activation: 0.118 } },
  },
  {
    featureId: "feat_express_checkout",
    state: {
      ...state,
      tags: ["checkout"],
      owner: "Checkout",
      description: "Pays with what the browser knows, in one step",
      routes: [{ path: "/cart" }, { path: "/checkout/*" }],
    },
    rule: { ...rule, activationThreshold: 0.15 },
    madeDays: 29,
    openedDays: 28,
    madeBy: "jonas",
    visitors: 220,
    cohorts: withTreatment({ activation: 0.247 }),
  },
  {
    featureId: "feat_new_search",
    state: {
      ...state,
      tags: ["catalogue"],
      owner: "Discovery",
      description: "Search that forgives typing errors",
      routes: [{ path: "/search" }],
      targeting: { segment: "dach" },
    },
    rule,
    madeDays: 20,
    openedDays: 3.3,
    madeBy: "maria",
    visitors: 180,
    cohorts: withTreatment({ latencyMs: 520, errorRate: 0.004 }),
  },
  {
    featureId: "feat_gift_wrap",
    state: {
      ...state,
      tags: ["checkout"],
      owner: "Checkout",
      description: "Offers to wrap each parcel",
      routes: [{ path: "/cart" }],
    },
    rule: { ...rule, mode: "shadow" },
    madeDays: 18,
    openedDays: 16,
    madeBy: "jonas",
    visitors: 70,
    cohorts: withTreatment(),
  },
  {
    featureId: "feat_one_page_cart",
    state: {
      ...state,
      rolloutBps: 500,
      tags: ["checkout"],
      owner: "Checkout",
      description: "Cart, address and payment on one page",
      routes: [{ path: "/cart" }],
    },
    rule: {
      ...rule,
      activationThreshold: 0.12,
      retentionThreshold: 0,
      ramp: { stagesBps: [500, 2_000, 5_000, 9_000], minStageSeconds: 4 * 86_400 },
    },
    madeDays: 11,
    openedDays: 7,
    madeBy: "aylin",
    visitors: 900,
    cohorts: withTreatment({ activation: 0.23 }),
  },
  {
    featureId: "feat_reviews_v2",
    state: {
      ...state,
      tags: ["catalogue"],
      owner: "Discovery",
      description: "Reviews with pictures of customers",
      routes: [{ path: "/products/*" }],
    },
    rule: { ...rule, activationThreshold: 0.19, retentionThreshold: 0, falseRollbackRate: 0.000_04 },
    madeDays: 16,
    openedDays: 10,
    madeBy: "aylin",
    visitors: 120,
    cohorts: withTreatment({ activation: 0.176 }),
  },
  {
    featureId: "feat_wishlist",
    state: {
      ...state,
      rolloutBps: 3_000,
      tags: ["account"],
      owner: "Accounts",
      description: "Lists of wishes that can be shared",
      routes: [{ path: "/products/*" }],
    },
    rule: { ...rule, mode: "shadow" },
    madeDays: 4,
    openedDays: 3,
    madeBy: "aylin",
    visitors: 9,
    cohorts: withTreatment(),
  },
  {
    featureId: "feat_size_guide",
    state: {
      ...state,
      tags: ["catalogue"],
      owner: "Discovery",
      description: "Says which size fits, by what was sent back",
      routes: [{ path: "/products/*" }],
    },
    rule,
    madeDays: 3,
    openedDays: 1.3,
    madeBy: "maria",
    visitors: 60,
    cohorts: withTreatment({ activation: 0.21 }),
  },
  {
    featureId: "feat_price_alerts",
    state: {
      ...state,
      rolloutBps: 1_000,
      tags: ["account"],
      owner: "Accounts",
      description: "Mails when a price falls",
      targeting: { segment: "beta-testers" },
    },
    rule: {
      ...rule,
      retentionThreshold: 0,
      ramp: { stagesBps: [1_000, 3_000, 9_000], minStageSeconds: 5 * 86_400 },
    },
    madeDays: 9,
    openedDays: 8,
    madeBy: "jonas",
    visitors: 110,
    cohorts: withTreatment({ activation: 0.215 }),
  },
  {
    featureId: "feat_ai_descriptions",
    state: {
      ...state,
      tags: ["catalogue"],
      owner: "Discovery",
      description: "Describes products where the maker does not",
      routes: [{ path: "/products/*" }],
    },
    rule: { ...rule, mode: "shadow" },
    madeDays: 15,
    openedDays: 13,
    madeBy: "maria",
    visitors: 130,
    cohorts: withTreatment({ activation: 0.125 }),
  },
  {
    featureId: "feat_compact_header",
    state: { ...state, tags: ["account"], owner: "Accounts", description: "A header of half the height" },
    rule: {
      ...rule,
      evaluationWindowSeconds: 9 * 86_400,
      activationThreshold: 0.195,
      retentionThreshold: 0.4,
    },
    madeDays: 22,
    openedDays: 20,
    madeBy: "aylin",
    visitors: 22,
    cohorts: withTreatment({ activation: 0.2, retention: 0.41 }),
  },
  {
    featureId: "feat_loyalty_banner",
    state: { rolloutBps: 10_000, tags: ["marketing"], description: "Banner of last winter's programme" },
    rule: null,
    madeDays: 30,
    openedDays: 30,
    madeBy: "jonas",
    visitors: 50,
    cohorts: withTreatment(),
  },
  {
    featureId: "feat_pay_later",
    state: {
      ...state,
      rolloutBps: 2_000,
      tags: ["payments"],
      owner: "Checkout",
      description: "Pays in 30 days",
      failureMode: "closed",
      routes: [{ path: "/checkout/*" }],
    },
    rule,
    madeDays: 5,
    openedDays: null,
    madeBy: "jonas",
    visitors: 0,
    cohorts: withTreatment(),
  },
  {
    featureId: "feat_summer_sale",
    state: { ...state, tags: ["marketing"], owner: "Marketing", description: "Prices of the summer sale" },
    rule,
    madeDays: 6,
    openedDays: null,
    madeBy: "aylin",
    visitors: 0,
    cohorts: withTreatment(),
  },
];
