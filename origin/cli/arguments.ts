// Arguments that several commands take.
import { FeatureId } from "../../shared/ids.ts";
import { UsageError } from "./errors.ts";

export const featureIdArgument = (text: string): FeatureId => {
  const parsed = FeatureId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new UsageError(`FEATURE ${parsed.error.issues.map(({ message }) => message).join("; ")}`);
};
