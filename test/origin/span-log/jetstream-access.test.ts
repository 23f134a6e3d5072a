// How an origin reaches NATS servers that want TLS, a user or credentials, on real servers; and what it says when it may not.
import { randomBytes } from "node:crypto";
import { afterAll, expect, onTestFinished, test } from "vitest";
import type { JetStreamSettings } from "../../../origin/span-log/jetstream/settings.ts";
import { openSpanLog } from "../../../origin/span-log/open-span-log.ts";
import { makeAuthority, type Certificate } from "../../support/certificates.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { startNats } from "../../support/nats.ts";
import { makeCredentials } from "../../support/nats-credentials.ts";

const database = await makeTestDatabase();
const authority = await makeAuthority();
const stranger = await makeAuthority();
afterAll(() => Promise.all([authority.stop(), stranger.stop(), database.drop()]));

const serverWith = async (config: string) => {
  const nats = await startNats({ config });
  onTestFinished(nats.stop);
  return nats.nodes[0]?.port ?? 0;
};
const serverOf = ({ cert, key }: Certificate) =>
  serverWith(`tls { cert_file: "${cert}", key_file: "${key}" }`);

/** "ready" once the streams are made, else what `/readyz` says after some seconds, or why the origin ends at start. */
const open = async (url: string, more: Partial<JetStreamSettings> = {}): Promise<string> => {
  const prefix = `test-${randomBytes(4).toString("hex")}`;
  const log = await openSpanLog({
    settings: { urls: [url], prefix, replicas: 1, caFile: null, credentialsFile: null, ...more },
    name: "sluice-test",
    pool: database.servicePool,
    onProblem: () => {},
  });
  try {
    await log.check();
    return log.notReady()[0] ?? "ready";
  } catch (error) {
    return String(error);
  } finally {
    await log.stop();
  }
};

test("a server's certificate has to be of the authority that is named and of the server's address, by name or IP", async () => {
  const { ca } = authority;
  const named = await serverOf(authority.issue("named", "DNS:localhost"));
  const numbered = await serverOf(authority.issue("numbered", "IP:127.0.0.1"));
  const elsewhere = await serverOf(authority.issue("elsewhere", "DNS:nats.example.com"));
  const plain = await serverWith("");
  const cases: readonly (readonly [url: string, caFile: string | null, wanted: string | RegExp])[] = [
    [`tls://localhost:${named}`, ca, "ready"],
    // A certificate of one's own says enough: the connection is encrypted.
    [`nats://localhost:${named}`, ca, "ready"],
    [`tls://127.0.0.1:${numbered}`, ca, "ready"],
    [
      `tls://localhost:${named}`,
      stranger.ca,
      /signed by no authority that is trusted here.*SPAN_LOG_CA_FILE/,
    ],
    [`tls://localhost:${named}`, null, /signed by no authority that is trusted here.*SPAN_LOG_CA_FILE/],
    [`tls://localhost:${elsewhere}`, ca, /is of another host \(it has DNS:nats\.example\.com\)/],
    // The library asks for a certificate of "localhost" where the address is an IP.
    [`tls://127.0.0.1:${named}`, ca, /is of another host \(it has DNS:localhost\)/],
    [`tls://localhost:${numbered}`, ca, /is of another host \(it has IP Address:127\.0\.0\.1\)/],
    [`tls://localhost:${plain}`, null, /the server takes no TLS.*cert_file/],
    [
      `tls://localhost:${named}`,
      "/nowhere/ca.pem",
      /SPAN_LOG_CA_FILE names a file that holds no readable.*ENOENT/,
    ],
  ];
  const said = await Promise.all(cases.map(([url, caFile]) => open(url, { caFile })));
  for (const [n, [url, , wanted]] of cases.entries()) expect(said[n], url).toMatch(wanted);
});

test("a user and a password of any characters are taken from the first address, and a refused one is told of without its password", async () => {
  const password = "pa/ss:w@rd%";
  const port = await serverWith(`authorization { user: origin, password: "${password}" }`);
  const [right, wrong, none] = await Promise.all([
    open(`nats://origin:${encodeURIComponent(password)}@localhost:${port}`),
    open(`nats://origin:guessed@localhost:${port}`),
    open(`nats://localhost:${port}`),
  ]);
  expect(right).toBe("ready");
  expect(wrong).toMatch(/the server refuses the user origin\. See .* SPAN_LOG_URL/);
  expect(wrong).not.toContain("guessed");
  expect(none).toMatch(/the server wants a user or credentials\. .*SPAN_LOG_CREDENTIALS_FILE/);
});

test("credentials of an account with JetStream are enough, and others are refused with what is wrong with them", async () => {
  const credentials = makeCredentials();
  const port = await serverWith(credentials.config);
  const write = (name: string, text: string) => authority.write(`${name}.creds`, text);
  const files = [
    [write("origin", credentials.withStreams), "ready"],
    [
      write("plain", credentials.withoutStreams),
      /JetStream not enabled for account\. Give the account JetStream/,
    ],
    [
      write("other", makeCredentials().withStreams),
      /refuses the credentials in .*other\.creds\. See whether its operator/,
    ],
    [authority.ca, /SPAN_LOG_CREDENTIALS_FILE names a file that holds no readable credentials.*nsc/],
    [
      "/nowhere/origin.creds",
      /SPAN_LOG_CREDENTIALS_FILE names a file that holds no readable credentials.*ENOENT/,
    ],
    [null, /the server wants a user or credentials/],
  ] as const;
  const said = await Promise.all(
    files.map(([credentialsFile]) => open(`nats://localhost:${port}`, { credentialsFile })),
  );
  for (const [n, [file, wanted]] of files.entries()) expect(said[n], String(file)).toMatch(wanted);
});
