// Why a TLS connection to PostgreSQL, Redis or NATS was not made, and what to do: one sentence, or null where TLS is not why.
import { z } from "zod";

const UNKNOWN_AUTHORITY = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_SIGNATURE_FAILURE",
]);

/** The error itself, or the one that a cluster's error carries. */
const rootOf = (error: unknown): unknown => {
  if (!(error instanceof Error)) return error;
  if ("lastNodeError" in error && error.lastNodeError instanceof Error) return rootOf(error.lastNodeError);
  return "code" in error || error.cause === undefined ? error : rootOf(error.cause);
};

/** Node's error of a wrong name brings the certificate. */
const Certified = z.object({ cert: z.object({ subjectaltname: z.string() }) });

const namesOf = (error: Error): string => {
  const names = Certified.safeParse(error).data?.cert.subjectaltname;
  return names === undefined ? "" : ` (it has ${names})`;
};

/** What to do where the certificate of an authority, or one of this client, is missing. */
const IN_URL = {
  authority: "Name the file of the authority in the URL (sslrootcert=/path/to/ca.pem)",
  client: "Name one in the URL (sslcert=/path/to/cert.pem&sslkey=/path/to/key.pem)",
};

export const tlsFailure = (given: unknown, todo: typeof IN_URL = IN_URL): string | null => {
  const error = rootOf(given);
  if (!(error instanceof Error)) return null;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return `the server's certificate is of another host${namesOf(error)}. Name the server as its certificate does, or issue one with this name`;
  if (code === "CERT_HAS_EXPIRED")
    return "the server's certificate has expired. Renew it there; if it is new, see whether this machine's clock is right";
  if (code === "CERT_NOT_YET_VALID")
    return "the server's certificate is not valid yet. See whether this machine's clock is right";
  if (UNKNOWN_AUTHORITY.has(code))
    return `the server's certificate is signed by no authority that is trusted here. ${todo.authority}`;
  if (/ALERT_CERTIFICATE_REQUIRED|ALERT_HANDSHAKE_FAILURE/.test(code))
    return `the server wants a certificate of its clients. ${todo.client}`;
  if (error.message === "The server does not support SSL connections")
    return "the server takes no TLS. Switch it on there (ssl = on in postgresql.conf)";
  if (/^ERR_SSL|^EPROTO$/.test(code))
    return "what listens there speaks no TLS. See whether the port is the one for TLS (rediss://)";
  return null;
};
