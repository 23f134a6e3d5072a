// What must hold of all features together after one is saved or opened: redirects end, and the header that tells the
// upstream of a request's features fits. A rollback is never checked. Two changes at the same moment may each pass: the
// edge has limits of its own.
import { z } from "zod";
import { headerBytes, MAX_FEATURES_HEADER } from "../../shared/features/features-header.ts";
import { readPath, type PathReading } from "../../shared/features/canonical-path.ts";
import { isSamePage, methodAfter, pathOnSite, type Redirect } from "../../shared/features/redirects.ts";
import { compilePath, literalStart, Route } from "../../shared/features/route.ts";
import { FeatureId } from "../../shared/ids.ts";
import type { Err } from "../../shared/result.ts";
import type { Queryable } from "../db/pool.ts";
import type { ChangeError } from "./change-error.ts";
import { invalid } from "./check-feature.ts";
import type { FeatureChange, NextState } from "./commit-change.ts";

/** A feature as far as others must know it. */
export type SiteFeature = {
  readonly featureId: FeatureId;
  readonly enabled: boolean;
  readonly routes: readonly Route[];
  /** null: requests that do not get the feature are not redirected. */
  readonly redirect: Pick<Redirect, "to" | "status"> | null;
};

const Row = z.object({
  featureId: FeatureId,
  enabled: z.boolean(),
  routes: z.array(Route),
  redirect: z.object({ to: z.string(), status: z.literal([302, 303, 307]) }).nullable(),
});

/** The features that are open or redirect: no other can meet a new one. */
export const readSite = async (db: Queryable): Promise<readonly SiteFeature[]> => {
  const { rows } = await db.query({
    name: "read-site",
    text: `select feature_id as "featureId", enabled, routes,
                  case when gate #>> '{whenClosed,action}' = 'redirect' then gate->'whenClosed' end as redirect
           from feature_flags
           where enabled or gate #>> '{whenClosed,action}' = 'redirect'
           order by feature_id`,
  });
  return rows.map((row) => Row.parse(row));
};

const siteOf = (featureId: FeatureId, { enabled, routes, gate }: NextState): SiteFeature => {
  const whenClosed = gate?.whenClosed;
  const redirect = whenClosed?.action === "redirect" ? whenClosed : null;
  return { featureId, enabled, routes, redirect };
};

/** The feature as others meet it after the change. null: the change cannot disturb others. */
const changedSite = ({ featureId, kind, details, next }: FeatureChange): SiteFeature | null => {
  const { edit, changes } = z
    .looseObject({ edit: z.looseObject({}).optional(), changes: z.looseObject({}).optional() })
    .parse(details);
  const isEdited = (field: string) => field in (edit ?? {}) || field in (changes ?? {});
  const isConcerned = kind === "create" || kind === "enable" || isEdited("routes") || isEdited("gate");
  return next === null || !isConcerned ? null : siteOf(featureId, next);
};

type Redirecting = {
  readonly featureId: FeatureId;
  readonly to: string;
  readonly readings: readonly PathReading[];
  readonly status: Redirect["status"];
  readonly names: (readings: readonly PathReading[], method: string) => boolean;
  readonly methods: readonly string[];
};

const redirectingOf = (
  { featureId, routes, redirect }: SiteFeature,
  isSite: (host: string) => boolean,
): Redirecting[] => {
  const to = redirect === null ? null : pathOnSite(redirect, isSite);
  if (redirect === null || to === null) return [];
  const compiled = routes.map((route) => ({
    methods: route.methods,
    test: compilePath(route.path, route).test,
  }));
  return [
    {
      featureId,
      to,
      readings: readPath(to),
      status: redirect.status,
      names: (readings, method) =>
        compiled.some(({ methods, test }) => (methods?.includes(method) ?? true) && test(readings)),
      methods: routes.some(({ methods }) => methods === undefined)
        ? ["GET", "HEAD", "POST"]
        : [...new Set(routes.flatMap(({ methods }) => methods ?? []))],
    },
  ];
};

type Next = (at: Redirecting, method: string) => readonly Redirecting[];

/** Where a visitor may be redirected from each place. Every pair of features is compared once. */
const nextOf = (all: readonly Redirecting[]): Next => {
  const known = new Map<string, readonly Redirecting[]>();
  return (at, method) => {
    const key = `${at.to} ${method}`;
    const found =
      known.get(key) ??
      // Nobody is redirected to the page that they asked for.
      all.filter((other) => !isSamePage(other.to, at.to) && other.names(at.readings, method));
    known.set(key, found);
    return found;
  };
};

/** The features of a loop through `from`, in the order in which a visitor meets them. null: there is none. */
const findLoop = (from: Redirecting, nextAfter: Next): readonly Redirecting[] | null => {
  const seen = new Set<string>();
  const follow = (
    at: Redirecting,
    method: string,
    way: readonly Redirecting[],
  ): readonly Redirecting[] | null => {
    const next = methodAfter(at.status, method);
    for (const other of nextAfter(at, next)) {
      if (other === from) return way;
      const key = `${other.featureId} ${next}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const loop = follow(other, next, [...way, other]);
      if (loop !== null) return loop;
    }
    return null;
  };
  for (const method of from.methods) {
    const loop = follow(from, method, [from]);
    if (loop !== null) return loop;
  }
  return null;
};

type SiteError = { readonly featureId: FeatureId; readonly field: string; readonly reason: string };

/** A visitor whom several features redirect must arrive, whichever of them are closed for this visitor. */
const checkRedirects = (
  changed: readonly SiteFeature[],
  all: readonly SiteFeature[],
  isSite: (host: string) => boolean,
): SiteError[] => {
  if (changed.every(({ redirect }) => redirect === null)) return [];
  const redirecting = all.flatMap((feature) => redirectingOf(feature, isSite));
  const nextAfter = nextOf(redirecting);
  return changed.flatMap(({ featureId }) => {
    const from = redirecting.find((one) => one.featureId === featureId);
    const loop = from === undefined ? null : findLoop(from, nextAfter);
    if (loop === null) return [];
    const steps = loop.map((one) => `${one.featureId} redirects to ${one.to}`);
    const reason = `leads round in a loop: ${steps.join(", ")}, and ${featureId} again`;
    return [{ featureId, field: "gate.whenClosed.to", reason }];
  });
};

const EVERYWHERE: readonly string[] = ["/"];

/** Where the feature's routes begin, up to the first part that varies. */
const startsOf = ({ routes }: SiteFeature): readonly string[] =>
  routes.length === 0 ? EVERYWHERE : routes.map(literalStart);

type Open = { readonly feature: SiteFeature; readonly starts: readonly string[] };

const mayMeet = (start: string, { starts }: Open): boolean =>
  starts.some((each) => each.startsWith(start) || start.startsWith(each));

/** Requests where a feature applies must have room for all that the upstream is told. */
const checkHeader = (changed: readonly SiteFeature[], all: readonly SiteFeature[]): SiteError[] => {
  const open = all
    .filter(({ enabled }) => enabled)
    .map((feature): Open => ({ feature, starts: startsOf(feature) }));
  const concerned = new Set(changed.filter(({ enabled }) => enabled));
  // Fewer bytes than the limit for all of them: no page can have more.
  if (
    concerned.size === 0 ||
    headerBytes(open.map(({ feature }) => feature.featureId)) <= MAX_FEATURES_HEADER
  )
    return [];
  const errors = new Map<FeatureId, SiteError>();
  const theirs = [...new Set([...concerned].flatMap(startsOf))];
  const near = open.filter((each) => theirs.some((start) => mayMeet(start, each)));
  for (const start of new Set(near.flatMap(({ starts }) => starts))) {
    const met = open.filter((each) => mayMeet(start, each));
    const bytes = headerBytes(met.map(({ feature }) => feature.featureId));
    if (bytes <= MAX_FEATURES_HEADER) continue;
    const reason =
      `would make Sluice-Features ${bytes} bytes long on ${start === "/" ? "every page" : `${start}…`}, where ${met.length} open ` +
      `features meet, and ${MAX_FEATURES_HEADER} is the limit: limit features to routes, or close some first`;
    for (const { feature } of met)
      if (concerned.has(feature) && !errors.has(feature.featureId))
        errors.set(feature.featureId, { featureId: feature.featureId, field: "routes", reason });
  }
  return [...errors.values()];
};

/** `hosts`: names under which visitors reach the site, as far as the origin knows them. */
export const checkSiteOfAll = (
  site: readonly SiteFeature[],
  changes: readonly FeatureChange[],
  hosts: readonly string[],
): SiteError[] => {
  const changed = changes.flatMap((change) => changedSite(change) ?? []);
  if (changed.length === 0) return [];
  const after = new Map(site.map((feature) => [feature.featureId, feature]));
  for (const { featureId, next } of changes)
    if (next === null) after.delete(featureId);
    else after.set(featureId, siteOf(featureId, next));
  for (const feature of changed) after.set(feature.featureId, feature);
  const all = [...after.values()];
  return [...checkRedirects(changed, all, (host) => hosts.includes(host)), ...checkHeader(changed, all)];
};

/** The same for one change. */
export const checkSite = (
  site: readonly SiteFeature[],
  change: FeatureChange,
  hosts: readonly string[],
): Err<ChangeError> | undefined => {
  const [error] = checkSiteOfAll(site, [change], hosts);
  return error === undefined ? undefined : invalid(error.field, error.reason);
};
