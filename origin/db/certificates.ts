// Certificates that a URL names by files, in the parameters that PostgreSQL's clients use: `sslrootcert` of the authority that
// signed the server's, `sslcert` and `sslkey` of this client.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { errorText } from "../runtime/error-text.ts";

export type Certificates = { readonly ca?: string; readonly cert?: string; readonly key?: string };

const FIELDS = [
  ["sslrootcert", "ca"],
  ["sslcert", "cert"],
  ["sslkey", "key"],
] as const;

const read = (parameter: string, path: string): string => {
  try {
    const text = readFileSync(path, "utf8");
    if (parameter !== "sslkey") void new X509Certificate(text);
    return text;
  } catch (cause) {
    throw new Error(`names a file by ${parameter} that holds no readable certificate`, { cause });
  }
};

/** Throws when a file cannot be read or holds something else. */
export const certificatesOf = (url: string): Certificates => {
  const { searchParams } = new URL(url);
  return Object.fromEntries(
    FIELDS.flatMap(([parameter, field]) => {
      const path = searchParams.getAll(parameter).at(-1);
      return path === undefined ? [] : [[field, read(parameter, path)]];
    }),
  );
};

/** Why the certificates that these URLs name cannot be used; empty when they can. */
export const certificateProblems = (urls: readonly (string | undefined)[]): readonly string[] =>
  urls.flatMap((url) => {
    if (url === undefined) return [];
    try {
      certificatesOf(url);
      return [];
    } catch (error) {
      return [errorText(error)];
    }
  });
