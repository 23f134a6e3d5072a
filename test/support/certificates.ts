// A private certificate authority made by openssl, and certificates that it signs.
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programPath } from "../../scripts/system-programs.ts";

/** Servers that are started as root run as "nobody", and read no key that others could. */
const NOBODY = 65_534;

const openssl = (...words: readonly string[]): void => {
  execFileSync(programPath("openssl", "This test"), words, { stdio: ["ignore", "ignore", "pipe"] });
};
const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

export type Certificate = { readonly cert: string; readonly key: string };

/** `ca` is the file of the authority; `issue` makes a certificate of `name` for these names (`DNS:…`, `IP:…`). */
export const makeAuthority = async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-ca-"));
  chmodSync(folder, 0o755);
  const [ca, caKey] = [join(folder, "ca.pem"), join(folder, "ca.key")];
  openssl(
    "req",
    "-x509",
    ...NEW_KEY,
    "-days",
    "2",
    "-subj",
    "/CN=a CA of the tests",
    "-keyout",
    caKey,
    "-out",
    ca,
  );
  const issue = (name: string, altNames: string, days = 2): Certificate => {
    const file = (end: string): string => join(folder, `${name}.${end}`);
    const [cert, key, request] = [file("pem"), file("key"), file("csr")];
    openssl(
      "req",
      ...NEW_KEY,
      "-subj",
      `/CN=${name}`,
      "-addext",
      `subjectAltName=${altNames}`,
      "-keyout",
      key,
      "-out",
      request,
    );
    // With days below 0 it has expired.
    const signed = ["-days", String(days), "-copy_extensions", "copy", "-CA", ca, "-CAkey", caKey];
    openssl("x509", "-req", "-in", request, ...signed, "-out", cert);
    if (process.getuid?.() === 0) chownSync(key, NOBODY, NOBODY);
    chmodSync(key, 0o600);
    return { cert, key };
  };
  return {
    folder,
    ca,
    issue,
    /** Puts the one certificate in the place of the other, for a server that reads it again. */
    replace: (place: Certificate, by: Certificate): void => {
      copyFileSync(by.cert, place.cert);
      copyFileSync(by.key, place.key);
    },
    /** A file in the authority's folder. */
    write: (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    },
    stop: () => rm(folder, { recursive: true, force: true }),
  };
};
