// Requirements among imported features, once all of them are known: none may lead round in a circle, or to a feature that is
// not imported.
import type { FeatureId } from "../../shared/ids.ts";
import { NOBODY } from "./expression.ts";
import { dropped, type Imported } from "./imported.ts";

const requiresOf = ({ fields }: Imported): readonly FeatureId[] => fields?.requires ?? [];

/** The features from which a way of requirements leads back to themselves. */
const inCircles = (imported: readonly Imported[]): ReadonlySet<FeatureId> => {
  const requires = new Map(imported.map((one) => [one.featureId, requiresOf(one)]));
  /** Those that require nothing that is left go, and then those that required them: the rest leads round or into a circle. */
  const left = new Map(requires);
  const pairs = [...requires].flatMap(([id, others]) => others.map((other) => ({ id, other })));
  const requiredBy = Map.groupBy(pairs, ({ other }) => other);
  const free = [...requires.keys()].filter((id) => requires.get(id)?.every((other) => !left.has(other)));
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    left.delete(id);
    for (const { id: by } of requiredBy.get(id) ?? [])
      if (left.has(by) && requires.get(by)?.every((other) => !left.has(other))) free.push(by);
  }
  return new Set(left.keys());
};

const withNobody = (one: Imported, text: string): Imported => {
  if (one.fields === null) return one;
  const { requires: _, ...fields } = one.fields;
  return {
    ...one,
    fields: { ...fields, rolloutBps: 0, targeting: NOBODY },
    notes: [...one.notes, dropped("targeting", `${text}: it targets nobody until you edit it`)],
  };
};

/** There, too, such a feature is off for everybody. */
export const settleRequirements = (imported: readonly Imported[]): Imported[] => {
  const circular = inCircles(imported);
  const taken = new Set(imported.filter(({ fields }) => fields !== null).map(({ featureId }) => featureId));
  return imported.map((one) => {
    if (circular.has(one.featureId)) return withNobody(one, "what it requires leads round in a circle");
    return requiresOf(one).every((id) => taken.has(id))
      ? one
      : withNobody(one, "what it requires is not imported");
  });
};
