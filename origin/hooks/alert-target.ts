// What an alert is about: the hook says it, or a label of the alert within what the hook allows. Pure.
import { FeatureId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { HookTarget } from "./hook.ts";

export type Target = { readonly featureId: FeatureId } | { readonly tag: string };

export type TargetRefusal = {
  readonly outcome: "noTarget" | "notAllowed";
  readonly detail: string;
};

/** A feature that is named by a label may be allowed by its tags too, which `mayClose` asks when it is read. */
export const targetOf = (
  hook: HookTarget,
  labels: ReadonlyMap<string, string>,
): Result<Target, TargetRefusal> => {
  if (hook.featureId !== null) return ok({ featureId: hook.featureId });
  if (hook.tag !== null) return ok({ tag: hook.tag });
  const featureText = labels.get(hook.featureLabel) ?? "";
  if (featureText !== "") {
    const featureId = FeatureId.safeParse(featureText);
    return featureId.success
      ? ok({ featureId: featureId.data })
      : err({ outcome: "noTarget", detail: `its label ${hook.featureLabel} is no feature id` });
  }
  const tag = labels.get(hook.tagLabel) ?? "";
  if (tag === "")
    return err({
      outcome: "noTarget",
      detail: `it has neither a label ${hook.featureLabel} nor a label ${hook.tagLabel}`,
    });
  return hook.allowedTags.includes(tag)
    ? ok({ tag })
    : err({ outcome: "notAllowed", detail: `this hook may not close the tag ${tag}` });
};

/** Whether the hook may close this feature, which its alert names. */
export const mayClose = (
  hook: HookTarget,
  { featureId, tags }: { readonly featureId: FeatureId; readonly tags: readonly string[] },
): boolean =>
  hook.featureId === featureId ||
  hook.allowedFeatures.includes(featureId) ||
  hook.allowedTags.some((tag) => tags.includes(tag));
