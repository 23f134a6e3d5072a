// What the fold has set aside of a feature because it cannot count it (origin/aggregate/set-aside).
import type { AggregatePart } from "./aggregates.ts";
import { eachPart } from "./read-parts.ts";

export type SetAside = { readonly spans: number; readonly since: Date; readonly reason: string };

const readOfPart = async ({ db }: AggregatePart, featureId: string, epoch: number): Promise<SetAside[]> => {
  const { rows } = await db.query<SetAside>(
    `select min(q.since) as since, min(q.error) as reason,
       (select coalesce(sum(records), 0)::bigint from fold_set_aside s
        where s.feature_id = $1 and s.epoch = $2) as spans
     from fold_quarantine q where q.feature_id = $1 and q.epoch = $2
     having count(*) > 0`,
    [featureId, epoch],
  );
  return rows;
};

/** null: everything of the epoch can be counted. */
export const readSetAside = async (
  parts: readonly AggregatePart[],
  featureId: string,
  epoch: number,
): Promise<SetAside | null> => {
  const found = (await eachPart(parts, (part) => readOfPart(part, featureId, epoch))).flat();
  const [first] = found.toSorted((a, b) => a.since.getTime() - b.since.getTime());
  return first === undefined ? null : { ...first, spans: found.reduce((sum, { spans }) => sum + spans, 0) };
};
