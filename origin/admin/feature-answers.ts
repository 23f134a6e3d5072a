// Finds the feature that a request names, and answers with its document.
import type { Context } from "hono";
import type { Principal } from "../access/principal.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import type { FeatureRecord } from "../features/feature-record.ts";
import { operatorWarnings } from "../../shared/features/operator-fields.ts";
import { changeProblem } from "./change-problem.ts";
import { documentOf } from "./documents/feature.ts";
import { mayChange, tagProblem } from "./permission.ts";
import { etagOf } from "./read-request.ts";

type Reads = Pick<FeatureReads, "getFeature">;

type Named = { readonly context: Context; readonly params: { readonly featureId: FeatureId } };

/** The feature that the path names, or the answer that says why not. */
export const findFeature = async (
  { context, params: { featureId } }: Named,
  { getFeature }: Reads,
): Promise<Result<FeatureRecord, Response>> => {
  const record = await getFeature(featureId);
  return record === null ? err(changeProblem(context, { reason: "notFound", featureId })) : ok(record);
};

/** The feature that the path names, if the caller may change it. */
export const findOwnFeature = async (
  request: Named & { readonly principal: Principal },
  reads: Reads,
): Promise<Result<FeatureRecord, Response>> => {
  const record = await findFeature(request, reads);
  return record.ok && !mayChange(request.principal, record.value.tags)
    ? err(tagProblem(request.context, request.principal))
    : record;
};

/** The feature's document, with what is due beside the warnings that the caller has. */
export const warnedDocumentOf = (record: FeatureRecord, warnings: readonly string[]) => {
  const all = [...warnings, ...operatorWarnings(record, new Date())];
  return { ...documentOf(record), ...(all.length === 0 ? {} : { warnings: all }) };
};

/** What the files take back of a change that was made by other means. */
export const fileWarnings = ({ managedBy }: FeatureRecord): string[] => {
  if (managedBy === null || managedBy.drift.length === 0) return [];
  const { source, file, drift } = managedBy;
  const fields = drift.map(({ field }) => field).join(", ");
  return [`${file} of ${source} owns this feature: its next apply takes back ${fields}. Change the file too`];
};

/** The feature's document as it is now, with its ETag. `warnings`: after a change. */
export const answerFeature = async (
  context: Context,
  { getFeature }: Reads,
  featureId: FeatureId,
  { status = 200, warnings }: { status?: 200 | 201; warnings?: readonly string[] } = {},
): Promise<Response> => {
  const record = await getFeature(featureId);
  if (record === null) return changeProblem(context, { reason: "notFound", featureId });
  context.header("etag", etagOf(record.state.version));
  const all = warnings === undefined ? [] : [...warnings, ...fileWarnings(record)];
  return context.json(warnedDocumentOf(record, all), status);
};
