// Features as a table for a terminal: `status` prints it once, `watch` again and again.
import { z } from "zod";
import { formatBps } from "../decide/format.ts";
import { askFor } from "./ask-origin.ts";
import { coloured, strong, tableText } from "./print.ts";

export const Feature = z.looseObject({
  featureId: z.string(),
  enabled: z.boolean(),
  rolloutBps: z.number(),
  holdoutBps: z.number(),
  rolledBackAt: z.string().nullable(),
  rollbackReason: z.string().nullable(),
  verdict: z.looseObject({ state: z.string(), sentence: z.string(), at: z.string() }).nullable(),
});
export type Feature = z.infer<typeof Feature>;
const Page = z.object({ features: z.array(Feature), next: z.string().nullable() });

export type FeatureFilters = Readonly<Record<"tag" | "owner" | "state", string | undefined>>;

export const listAll = async (origin: string | undefined, filters: FeatureFilters): Promise<Feature[]> => {
  const features: Feature[] = [];
  for (let after: string | null = ""; after !== null;) {
    const query = new URLSearchParams({
      limit: "500",
      ...(after === "" ? {} : { after }),
      ...Object.fromEntries(
        Object.entries(filters).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
      ),
    });
    const page: z.infer<typeof Page> = await askFor(origin, { path: `/features?${query.toString()}` }, Page);
    features.push(...page.features);
    after = page.next;
  }
  return features;
};

export const stateOf = ({ enabled, rolledBackAt, verdict }: Feature): string => {
  if (rolledBackAt !== null) return "ROLLED BACK";
  if (!enabled) return "closed";
  return verdict?.state ?? "open";
};

const sentenceOf = ({ rolledBackAt, rollbackReason, verdict }: Feature): string =>
  (rolledBackAt === null ? (verdict?.sentence ?? "") : (rollbackReason ?? "")).split(/(?<=\.)\s/)[0] ?? "";

const STATE_COLUMN = 1;

const styled = (cell: string, column: number): string => {
  if (column !== STATE_COLUMN) return cell;
  const state = cell.trim();
  if (/^(?:ROLLED BACK|ROLLBACK|INVALID)/.test(state)) return coloured("red", cell);
  if (/^(?:KEEP|WATCH)$/.test(state)) return coloured("green", cell);
  return /^[A-Z]/.test(state) ? coloured("yellow", cell) : cell;
};

export const featureTable = (features: readonly Feature[]): string =>
  tableText(
    ["FEATURE", "STATE", "ROLLOUT", "HOLDOUT", "WHY"],
    features.map((feature) => [
      feature.featureId,
      stateOf(feature),
      formatBps(feature.rolloutBps),
      formatBps(feature.holdoutBps),
      sentenceOf(feature),
    ]),
    { head: strong, cell: styled },
  );
