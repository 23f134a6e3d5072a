// What a hook's settings must be beyond their form. Pure.
import { AUTHENTICATIONS, type Authentication, type HookSettings, type Source } from "./hook.ts";
import { secretFault } from "./new-secret.ts";

export type SettingError = { readonly field: string; readonly reason: string };

export const defaultAuthentication = (source: Source): Authentication =>
  AUTHENTICATIONS[source][0] ?? "signature";

export const checkSettings = (settings: HookSettings): SettingError[] => {
  const { source, authentication, featureId, tag, allowedFeatures, allowedTags } = settings;
  const errors: SettingError[] = [];
  if (!AUTHENTICATIONS[source].includes(authentication))
    errors.push({
      field: "authentication",
      reason: `${source} authenticates by ${AUTHENTICATIONS[source].join(" or ")} only`,
    });
  const isFixed = featureId !== null || tag !== null;
  const allowsSome = allowedFeatures.length + allowedTags.length > 0;
  if (featureId !== null && tag !== null)
    errors.push({ field: "tag", reason: "name a featureId or a tag, and not both" });
  if (isFixed && allowsSome)
    errors.push({
      field: allowedFeatures.length > 0 ? "allowedFeatures" : "allowedTags",
      reason: "says nothing beside featureId or tag, which every alert closes: leave it out",
    });
  if (!isFixed && source === "pagerduty")
    errors.push({
      field: "featureId",
      reason: "webhooks of PagerDuty have no labels that could name a feature: name a featureId or a tag",
    });
  else if (!isFixed && !allowsSome)
    errors.push({
      field: "allowedFeatures",
      reason: "say what may be closed: featureId, tag, allowedFeatures or allowedTags",
    });
  return errors;
};

/** `secret` undefined: one is made. */
export const checkSecret = (source: Source, secret: string | undefined): SettingError[] => {
  if (secret === undefined)
    return source === "pagerduty"
      ? [
          {
            field: "secret",
            reason: "PagerDuty makes it with the webhook subscription and shows it once: give it here",
          },
        ]
      : [];
  const reason = secretFault(source, secret);
  return reason === null ? [] : [{ field: "secret", reason }];
};
