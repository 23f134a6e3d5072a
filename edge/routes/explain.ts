// `GET /.sluice/explain` and `GET /.sluice/overlay`: why each feature is on or off for the visitor who asks.
import { Hono, type Context } from "hono";
import { canonicalPath } from "../../shared/features/canonical-path.ts";
import { evaluationContextOf } from "../features/evaluation-context.ts";
import type { EvaluationRequest } from "../../shared/features/evaluate-feature.ts";
import { mayHearOf, previewedId } from "../features/evaluate.ts";
import { readIncoming } from "../incoming-request.ts";
import type { SnapshotCache } from "../snapshot/cache.ts";
import type { ReadClaims } from "../visitor/claims.ts";
import type { Identify } from "../visitor/identify.ts";
import { isKnown, withoutNewVisitor } from "../visitor/identity.ts";
import type { Previews } from "../visitor/preview.ts";
import type { ReadAuthority } from "../visitor/server-key.ts";
import { explainFeature, type Explanation, type VisitorExplanation } from "./explanation.ts";
import { renderOverlay } from "./overlay.ts";
import { ownPage } from "./own-page.ts";
import { waitUntilOf } from "./wait-until.ts";

type Dependencies = {
  readonly cache: Pick<SnapshotCache, "read">;
  readonly identify: Identify;
  readonly readAuthority: ReadAuthority;
  readonly readClaims: ReadClaims;
  readonly previews: Previews;
};

/** Somebody without cookie and sign-in hears of what is open and meant for such a request, and of nothing else. */
const isOfAnybody = ({ state, why }: Explanation): boolean =>
  why === "preview" || (state === "open" && why !== "notTargeted");

export const makeExplainRoutes = (dependencies: Dependencies): Hono => {
  const { cache, identify, readAuthority, readClaims, previews } = dependencies;
  const route = new Hono();

  /** `?path=` (and `&method=`) asks about one page of the site; without it the answer is for any page. */
  const explain = async (c: Context): Promise<VisitorExplanation> => {
    const { snapshot, stale } = await cache.read(waitUntilOf(c));
    const incoming = readIncoming(c.req.raw);
    const identity = withoutNewVisitor(await identify(incoming));
    const asked = c.req.query("path") || null;
    const path = asked === null ? null : canonicalPath(asked);
    const request: EvaluationRequest = {
      path,
      method: c.req.query("method") ?? "GET",
      context: evaluationContextOf(incoming, path ?? "/", await readClaims(incoming.request)),
      stale,
      previewId: previewedId(snapshot, await previews.read(incoming)),
    };
    const isServer = (await readAuthority(incoming.request.headers)) === "server";
    const { previewId } = request;
    const features = snapshot.features
      .filter((feature) => mayHearOf(feature, { isServer, previewId }))
      .map((feature) => explainFeature(feature, request, identity));
    return {
      unit: identity.visitorId,
      user: identity.userId,
      known: isKnown(identity),
      captchaScore: identity.captchaScore,
      revision: snapshot.revision,
      features: isServer || isKnown(identity) ? features : features.filter(isOfAnybody),
    };
  };

  route.get("/explain", async (c) => c.json(await explain(c)));

  route.get("/overlay", async (c) =>
    ownPage({
      title: "What you get here",
      body: renderOverlay(await explain(c), c.req.query("path") ?? ""),
    }),
  );

  return route;
};
