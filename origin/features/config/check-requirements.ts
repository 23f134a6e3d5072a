// What the features of a plan require of one another, once all of them are as planned.
import type { FeatureId } from "../../../shared/ids.ts";

export type Planned = { readonly enabled: boolean; readonly requires: readonly FeatureId[] };
export type RequirementError = { readonly featureId: FeatureId; readonly reason: string };

/** Features that require themselves through others, each circle once, as the way round. Every feature is visited once. */
const circlesIn = (world: ReadonlyMap<FeatureId, Planned>): (readonly FeatureId[])[] => {
  const circles: (readonly FeatureId[])[] = [];
  const done = new Set<FeatureId>();
  for (const root of world.keys()) {
    const way: { readonly id: FeatureId; readonly next: Iterator<FeatureId> }[] = [];
    const onWay = new Set<FeatureId>();
    const enter = (id: FeatureId) => {
      if (done.has(id)) return;
      onWay.add(id);
      way.push({ id, next: (world.get(id)?.requires ?? [])[Symbol.iterator]() });
    };
    enter(root);
    for (let at = way.at(-1); at !== undefined; at = way.at(-1)) {
      const step = at.next.next();
      if (step.done === true) {
        done.add(at.id);
        onWay.delete(at.id);
        way.pop();
      } else if (onWay.has(step.value)) {
        const from = way.findIndex(({ id }) => id === step.value);
        circles.push(way.slice(from).map(({ id }) => id));
      } else enter(step.value);
    }
  }
  return circles;
};

/**
 * `world`: all features that are concerned, as they will be. `planned`: those of the files. `gone`: those that the plan deletes
 * or closes.
 */
export const checkPlannedRequirements = (
  world: ReadonlyMap<FeatureId, Planned>,
  planned: readonly FeatureId[],
  gone: readonly FeatureId[],
): RequirementError[] => {
  const errors: RequirementError[] = [];
  for (const featureId of planned) {
    const feature = world.get(featureId);
    if (feature === undefined || feature.requires.length === 0) continue;
    const missing = feature.requires.filter((id) => !world.has(id));
    if (missing.length > 0) errors.push({ featureId, reason: `no such feature: ${missing.join(", ")}` });
    const closed = feature.requires.filter((id) => world.get(id)?.enabled === false);
    if (feature.enabled && closed.length > 0)
      errors.push({ featureId, reason: `${closed.join(", ")} must be open first, and would be closed` });
  }
  const isPlanned = new Set(planned);
  for (const circle of circlesIn(world)) {
    const featureId = circle.find((id) => isPlanned.has(id));
    if (featureId !== undefined)
      errors.push({ featureId, reason: `it requires itself: ${[...circle, circle[0]].join(" requires ")}` });
  }
  for (const featureId of gone) {
    const isDeleted = !world.has(featureId);
    const needing = [...world].filter(
      ([id, one]) => !isPlanned.has(id) && (isDeleted || one.enabled) && one.requires.includes(featureId),
    );
    if (needing.length > 0) {
      const names = needing.map(([id]) => id).join(", ");
      errors.push({
        featureId,
        reason: `${names} requires it and is in no file of this source: ${isDeleted ? "end that first" : "close it first"}`,
      });
    }
  }
  return errors;
};
