// What NATS servers want of a client: TLS, a user, credentials. A connection that is refused is told of with what to do.
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { AuthorizationError } from "@nats-io/transport-node";
import { tlsFailure } from "../../db/tls-failure.ts";
import { errorText } from "../../runtime/error-text.ts";
import type { JetStreamSettings } from "./settings.ts";

const TODO = {
  authority: "Name the file of the authority in SPAN_LOG_CA_FILE",
  client: "Sluice has none for NATS: take `verify` from the server's tls, and have users or credentials",
};

/** Read for each connection: it may have been changed. */
export const readAuthority = async (file: string): Promise<string> => {
  try {
    const text = await readFile(file, "utf8");
    void new X509Certificate(text);
    return text;
  } catch (cause) {
    throw new Error(`SPAN_LOG_CA_FILE names a file that holds no readable certificate, ${file}`, { cause });
  }
};

export const readCredentials = async (file: string): Promise<Buffer> => {
  try {
    const bytes = await readFile(file);
    if (!bytes.includes("BEGIN NATS USER JWT") || !bytes.includes("BEGIN USER NKEY SEED"))
      throw new Error("a token (JWT) and a seed are wanted, as `nsc generate creds` writes them");
    return bytes;
  } catch (cause) {
    throw new Error(`SPAN_LOG_CREDENTIALS_FILE names a file that holds no readable credentials, ${file}`, {
      cause,
    });
  }
};

const refused = ({ urls, credentialsFile }: JetStreamSettings): string => {
  if (credentialsFile !== null)
    return `the server refuses the credentials in ${credentialsFile}. See whether its operator is the one that signed their account, whether it knows the account, and whether they have expired or were revoked`;
  const { username = "" } = urls[0] === undefined ? {} : new URL(urls[0]);
  return username === ""
    ? "the server wants a user or credentials. Write nats://user:password@host in the first address of SPAN_LOG_URL, or name a credentials file in SPAN_LOG_CREDENTIALS_FILE"
    : `the server refuses the user ${decodeURIComponent(username)}. See the user and the password in the first address of SPAN_LOG_URL; other characters than letters and digits are written as %40 and the like`;
};

/** Why a connection was not made, or was ended. */
export const connectFailure = (error: unknown, settings: JetStreamSettings): string => {
  if (error instanceof AuthorizationError) return refused(settings);
  const text = errorText(error);
  if (text === "server does not support 'tls'")
    return "the server takes no TLS. Give it `tls { cert_file, key_file }`, or write nats:// and no SPAN_LOG_CA_FILE where the network between is yours alone";
  return tlsFailure(error, TODO) ?? text;
};
