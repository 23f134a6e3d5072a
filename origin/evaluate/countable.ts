// Whether the counts of a feature can be judged: in each database they are made by the rule's windows, and none of them has set some
// of them aside. With one database the targets themselves say so.
import type { FeatureId } from "../../shared/ids.ts";
import type { AggregatePart, AggregateView } from "./aggregates.ts";
import { eachPart } from "./read-parts.ts";
import type { EvaluationTarget } from "./targets.ts";

type Windows = { readonly bucketS: number; readonly ages: string; readonly returnAfterS: number };
type State = {
  readonly version: number;
  readonly windows: ReadonlyMap<string, Windows>;
};

const keyOf = (featureId: string, epoch: number): string => `${epoch}:${featureId}`;

const readVersion = async ({ db }: AggregatePart): Promise<number> => {
  const { rows } = await db.query<{ version: number }>({
    name: "read-windows-version",
    text: "select version from fold_windows_version",
  });
  return rows[0]?.version ?? 0;
};

const readWindows = async ({ db }: AggregatePart): Promise<State["windows"]> => {
  const { rows } = await db.query<{
    feature_id: string;
    epoch: number;
    activation_ages_s: number[];
    retention_ages_s: number[];
    return_after_s: number;
    bucket_s: number;
  }>("select * from fold_windows");
  return new Map(
    rows.map((row) => [
      keyOf(row.feature_id, row.epoch),
      {
        bucketS: row.bucket_s,
        ages: `${row.activation_ages_s.join()} ${row.retention_ages_s.join()}`,
        returnAfterS: row.return_after_s,
      },
    ]),
  );
};

const readQuarantine = async ({ db }: AggregatePart): Promise<readonly (readonly [string, string])[]> => {
  const { rows } = await db.query<{ feature_id: string; epoch: number; error: string }>({
    name: "read-quarantined",
    text: "select feature_id, epoch, min(error) as error from fold_quarantine group by 1, 2",
  });
  return rows.map((row) => [keyOf(row.feature_id, row.epoch), row.error]);
};

const isCountedBy = (windows: Windows | undefined, { ages, rule }: EvaluationTarget): boolean =>
  windows === undefined ||
  (windows.bucketS === ages.bucketSeconds &&
    windows.returnAfterS === rule.returnAfterSeconds &&
    windows.ages === `${ages.activation.join()} ${ages.retention.join()}`);

/** `onUncountable` hears of targets of which something is set aside; they are left out. */
export const makeCountable = (onUncountable: (featureId: FeatureId, error: unknown) => void) => {
  const states = new Map<string, State>();

  /** The version is read first: windows read afterwards are at least that new. */
  const stateOf = async (part: AggregatePart): Promise<State> => {
    const version = await readVersion(part);
    const known = states.get(part.database);
    if (known?.version === version) return known;
    const state = { version, windows: await readWindows(part) };
    states.set(part.database, state);
    return state;
  };

  return async (
    { moves, parts }: AggregateView,
    targets: readonly EvaluationTarget[],
  ): Promise<readonly EvaluationTarget[]> => {
    if (moves === null) return targets;
    const [found, quarantined] = await Promise.all([
      eachPart(parts, stateOf),
      eachPart(parts, readQuarantine),
    ]);
    const setAside = new Map(quarantined.flat());
    return targets.flatMap((target) => {
      const key = keyOf(target.featureId, target.epoch);
      const error = setAside.get(key);
      if (error !== undefined) {
        onUncountable(target.featureId, new Error(`its telemetry cannot be counted: ${error}`));
        return [];
      }
      const isCounted = found.every(({ windows }) => isCountedBy(windows.get(key), target));
      return [target.isCounted === isCounted ? target : { ...target, isCounted }];
    });
  };
};
