// Variables whose values lie in files: NAME_FILE names the file that holds what NAME would. So secrets stay out of the
// environment, which `docker inspect`, crash reports and child processes show. The convention is that of Docker's own images.
import { readFileSync } from "node:fs";
import { err, ok, type Result } from "../../shared/result.ts";
import type { VariableError } from "../../shared/variables.ts";

const SUFFIX = "_FILE";

/** Why a file cannot be read, without its content. */
const reasonOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "it is no text";

/** Editors and `echo` end a file with a line break; it belongs to no secret. */
const readValue = (file: string): Result<string, string> => {
  try {
    return ok(new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file)).replace(/\r?\n$/, ""));
  } catch (error) {
    return err(reasonOf(error));
  }
};

/**
 * The environment with the values of all files that it names for one of `names`. Refused: both NAME and NAME_FILE, a file
 * that cannot be read, and one that is empty, since an empty variable would count as unset.
 */
export const withFileVariables = (
  environment: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Result<Record<string, string | undefined>, VariableError[]> => {
  const found: Record<string, string> = {};
  const errors: VariableError[] = [];
  for (const name of names) {
    const variable = name + SUFFIX;
    const file = environment[variable] ?? "";
    if (file === "") continue;
    const refuse = (reason: string) => errors.push({ variable, reason });
    const value = readValue(file);
    if ((environment[name] ?? "") !== "") refuse(`must not be set beside ${name}`);
    else if (!value.ok) refuse(`must be a file that can be read (${value.error})`);
    else if (value.value === "") refuse("must be a file that is not empty");
    else found[name] = value.value;
  }
  return errors.length > 0 ? err(errors) : ok({ ...environment, ...found });
};
