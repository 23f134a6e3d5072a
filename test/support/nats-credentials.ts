// An operator, its accounts and a user of NATS, as `nsc` makes them: signed claims, a server's configuration that trusts the operator,
// and the file that a client signs in with.
import { nkeys } from "@nats-io/transport-node";

type Keys = ReturnType<typeof nkeys.createUser>;

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");

/** Claims of `subject`, signed by `issuer`. */
const sign = (issuer: Keys, subject: Keys, name: string, nats: object): string => {
  const claims = {
    jti: name,
    iat: Math.floor(Date.now() / 1_000),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name,
    nats,
  };
  const text = `${encode({ typ: "JWT", alg: "ed25519-nkey" })}.${encode(claims)}`;
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString("base64url")}`;
};

const UNLIMITED = {
  subs: -1,
  conn: -1,
  leaf: -1,
  imports: -1,
  exports: -1,
  data: -1,
  payload: -1,
  wildcards: true,
};

/** `config`: of a server. `credentials`: a file of a user of an account with JetStream, and of one whose account has none. */
export const makeCredentials = () => {
  const operator = nkeys.createOperator();
  const accounts: { keys: Keys; token: string }[] = [];
  const addAccount = (name: string, limits: object) => {
    const keys = nkeys.createAccount();
    accounts.push({
      keys,
      token: sign(operator, keys, name, { limits: { ...UNLIMITED, ...limits }, type: "account", version: 2 }),
    });
    return keys;
  };
  const system = addAccount("system", {});
  const streams = addAccount("streams", { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 });
  const plain = addAccount("plain", {});
  const fileOf = (account: Keys, name: string): string => {
    const user = nkeys.createUser();
    const token = sign(account, user, name, { subs: -1, data: -1, payload: -1, type: "user", version: 2 });
    const seed = Buffer.from(user.getSeed()).toString();
    return (
      `-----BEGIN NATS USER JWT-----\n${token}\n------END NATS USER JWT------\n\n` +
      `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`
    );
  };
  const preload = accounts.map(({ keys, token }) => `${keys.getPublicKey()}: ${token}`).join("\n");
  return {
    config:
      `operator: ${sign(operator, operator, "operator", { type: "operator", version: 2 })}\n` +
      `system_account: ${system.getPublicKey()}\nresolver: MEMORY\nresolver_preload { ${preload} }`,
    withStreams: fileOf(streams, "origin"),
    withoutStreams: fileOf(plain, "stranger"),
  };
};
