// The configuration of the origin, for commands that work in its place: with the files that NAME_FILE names, as an origin reads it.
import { parseConfig } from "../environment/parse-config.ts";
import { Variables, type Config } from "../environment/variables.ts";
import { withFileVariables } from "../runtime/file-variables.ts";
import { variableErrorText } from "../../shared/variables.ts";
import { UsageError } from "./errors.ts";

export const readOwnConfig = (environment: Readonly<Record<string, string | undefined>>): Config => {
  const given = withFileVariables(environment, Object.keys(Variables.shape));
  const parsed = given.ok ? parseConfig(given.value) : given;
  if (!parsed.ok) throw new UsageError(parsed.error.map(variableErrorText).join("\n"));
  return parsed.value;
};
