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
import type { FeatureChange } from "./commit-change.ts";

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

/** The features as they are after the change. null: the change cannot disturb others. */
const siteAfter = (
  site: readonly SiteFeature[],
  { featureId, kind, details, next }: FeatureChange,
): { readonly changed: SiteFeature; readonly all: readonly SiteFeature[] } | null => {
  const edit = z.object({ edit: z.looseObject({}) }).safeParse(details).data?.edit;
  const isConcerned =
    kind === "create" || kind === "enable" || "routes" in (edit ?? {}) || "gate" in (edit ?? {});
  if (next === null || !isConcerned) return null;
  const whenClosed = next.gate?.whenClosed;
  const redirect = whenClosed?.action === "redirect" ? whenClosed : null;
  const changed = { featureId, enabled: next.enabled, routes: next.routes, redirect };
  return { changed, all: [...site.filter((each) => each.featureId !== featureId), changed] };
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

/** The features of a loop through `from`, in the order in which a visitor meets them. null: there is none. */
const findLoop = (from: Redirecting, all: readonly Redirecting[]): readonly Redirecting[] | null => {
  const seen = new Set<string>();
  const follow = (
    at: Redirecting,
    method: string,
    way: readonly Redirecting[],
  ): readonly Redirecting[] | null => {
    const next = methodAfter(at.status, method);
    for (const other of all) {
      // Nobody is redirected to the page that they asked for.
      if (isSamePage(other.to, at.to) || !other.names(at.readings, next)) continue;
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

/** A visitor whom several features redirect must arrive, whichever of them are closed for this visitor. */
const checkRedirects = (
  changed: SiteFeature,
  all: readonly SiteFeature[],
  isSite: (host: string) => boolean,
): Err<ChangeError> | undefined => {
  if (changed.redirect === null) return undefined;
  const redirecting = all.flatMap((feature) => redirectingOf(feature, isSite));
  const from = redirecting.find(({ featureId }) => featureId === changed.featureId);
  const loop = from === undefined ? null : findLoop(from, redirecting);
  if (loop === null) return undefined;
  const steps = loop.map(({ featureId, to }) => `${featureId} redirects to ${to}`);
  return invalid(
    "gate.whenClosed.to",
    `leads round in a loop: ${steps.join(", ")}, and ${changed.featureId} again`,
  );
};

const EVERYWHERE: readonly string[] = ["/"];

/** Where the feature's routes begin, up to the first part that varies. */
const startsOf = ({ routes }: SiteFeature): readonly string[] =>
  routes.length === 0 ? EVERYWHERE : routes.map(literalStart);

const mayMeet = (start: string, other: SiteFeature): boolean =>
  startsOf(other).some((each) => each.startsWith(start) || start.startsWith(each));

/** Requests where the feature applies must have room for all that the upstream is told. */
const checkHeader = (changed: SiteFeature, all: readonly SiteFeature[]): Err<ChangeError> | undefined => {
  if (!changed.enabled) return undefined;
  const open = all.filter(({ enabled }) => enabled);
  const starts = new Set(
    open.filter((each) => startsOf(changed).some((start) => mayMeet(start, each))).flatMap(startsOf),
  );
  for (const start of starts) {
    const met = open.filter((each) => mayMeet(start, each));
    const bytes = headerBytes(met.map(({ featureId }) => featureId));
    if (bytes > MAX_FEATURES_HEADER && met.includes(changed))
      return invalid(
        "routes",
        `would make Sluice-Features ${bytes} bytes long on ${start === "/" ? "every page" : `${start}…`}, where ${met.length} open ` +
          `features meet, and ${MAX_FEATURES_HEADER} is the limit: limit features to routes, or close some first`,
      );
  }
  return undefined;
};

/** `hosts`: names under which visitors reach the site, as far as the origin knows them. */
export const checkSite = (
  site: readonly SiteFeature[],
  change: FeatureChange,
  hosts: readonly string[],
): Err<ChangeError> | undefined => {
  const after = siteAfter(site, change);
  if (after === null) return undefined;
  const { changed, all } = after;
  const isSite = (host: string): boolean => hosts.includes(host);
  return checkRedirects(changed, all, isSite) ?? checkHeader(changed, all);
};
