// TLS with a private authority, to a real PostgreSQL and to a real Redis, single and cluster.
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { connect } from "../../../origin/db/connect.ts";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "../../../origin/db/embedded-postgres.ts";
import { openDatabase } from "../../../origin/db/open-database.ts";
import { redisCheck } from "../../../origin/db/redis-health.ts";
import { connectRedis } from "../../../origin/db/redis.ts";
import { makeLogger } from "../../../origin/runtime/log.ts";
import { makeAuthority, type Certificate } from "../../support/certificates.ts";
import { makeTestLog } from "../../support/log.ts";
import { startOrigin } from "../../support/origin.ts";
import { startRedis, startRedisCluster } from "../../support/redis.ts";
import { waitFor } from "../../support/telemetry.ts";

const AddressInfo = z.object({ port: z.number() });
const authority = await makeAuthority();
const stranger = await makeAuthority();
const good = authority.issue("good", "DNS:localhost");
const expired = authority.issue("expired", "DNS:localhost", -1);
const elsewhere = authority.issue("elsewhere", "DNS:db.example.com");
const served = authority.issue("served", "DNS:localhost");
afterAll(() => Promise.all([authority.stop(), stranger.stop()]));

describe("PostgreSQL", () => {
  let folder: string;
  let server: EmbeddedPostgres;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-tls-"));
    const { cert: ssl_cert_file, key: ssl_key_file } = served;
    server = await startEmbeddedPostgres({
      dataDir: folder,
      settings: { fsync: "off", ssl: "on", ssl_cert_file, ssl_key_file },
    });
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const urlOf = (host: string, query: string): string => {
    const url = new URL(server.url);
    url.hostname = host;
    return `${url.href}?${query}`;
  };

  /** The server shows this certificate from now on. */
  const show = async (certificate: Certificate): Promise<void> => {
    authority.replace(served, certificate);
    const client = await connect({ connectionString: server.url });
    await client.query("select pg_reload_conf()");
    await client.end();
  };

  const open = async (url: string): Promise<string> => {
    const config = {
      DATABASE_URL: url,
      DATABASE_REPLICA_URL: undefined,
      DATA_DIR: folder,
      ORIGIN_PORT: 1,
      MIGRATE: "start" as const,
    };
    try {
      const database = await openDatabase({
        config,
        log: makeLogger("silent"),
        isEnding: () => false,
        isStopping: () => true,
      });
      await database.stop();
      return "opened";
    } catch (error) {
      return String(error);
    }
  };
  const verified = (ca: string): string => `sslmode=verify-full&sslrootcert=${ca}`;

  test("an origin that trusts the authority encrypts every connection, those of its threads too", async () => {
    await show(good);
    const origin = await startOrigin({ DATABASE_URL: urlOf("localhost", verified(authority.ca)) });
    onTestFinished(async () => void (await origin.end("SIGKILL")));
    const client = await connect({ connectionString: server.url });
    onTestFinished(() => client.end());
    const rows = await waitFor(async () => {
      const found = await client.query<{ name: string; ssl: boolean }>(
        `select distinct application_name as name, ssl from pg_stat_activity join pg_stat_ssl using (pid)
         where application_name like 'sluice-%'`,
      );
      const names = new Set(found.rows.map(({ name }) => name));
      return ["sluice-origin", "sluice-listen", "sluice-fold"].every((name) => names.has(name)) && found.rows;
    });
    expect(rows.filter(({ ssl }) => !ssl)).toEqual([]);
  });

  test("a certificate of another authority, of another host, or that has expired is refused with what to do", async () => {
    await show(good);
    expect(await open(urlOf("localhost", verified(stranger.ca)))).toMatch(
      /^Error: DATABASE_URL: the server's certificate is signed by no authority that is trusted here\. Name the file .*sslrootcert=/,
    );
    expect(await open(urlOf("127.0.0.1", verified(authority.ca)))).toMatch(
      /^Error: DATABASE_URL: the server's certificate is of another host \(it has DNS:localhost\)\. Name the server as its certificate does/,
    );
    await show(elsewhere);
    expect(await open(urlOf("localhost", verified(authority.ca)))).toMatch(
      /certificate is of another host \(it has DNS:db\.example\.com\)/,
    );
    await show(expired);
    expect(await open(urlOf("localhost", verified(authority.ca)))).toMatch(
      /^Error: DATABASE_URL: the server's certificate has expired\. Renew it there/,
    );
    await show(good);
    expect(await open(urlOf("localhost", verified(authority.ca)))).toBe("opened");
  });

  test("a server without TLS is refused, and so is a file that is no certificate", async () => {
    const client = await connect({ connectionString: server.url });
    onTestFinished(() => client.end());
    const plain = await mkdtemp(join(tmpdir(), "sluice-plain-"));
    onTestFinished(() => rm(plain, { recursive: true, force: true }));
    const other = await startEmbeddedPostgres({ dataDir: plain, settings: { fsync: "off" } });
    onTestFinished(() => other.stop());
    expect(await open(`${other.url}?${verified(authority.ca)}`)).toMatch(
      /^Error: DATABASE_URL: the server takes no TLS\. Switch it on there/,
    );
    const file = authority.write("no.pem", "nothing of the kind");
    for (const [path, why] of [
      [file, "holds no readable certificate"],
      ["/nowhere/ca.pem", "ENOENT"],
    ])
      await expect(startOrigin({ DATABASE_URL: urlOf("localhost", verified(path ?? "")) })).rejects.toThrow(
        new RegExp(`DATABASE_URL names a file by sslrootcert .*${why}`),
      );
  });
});

describe("Redis", () => {
  const start = async (certificate: Certificate, asksClients = false) => {
    const redis = await startRedis({ ...certificate, ca: authority.ca, asksClients });
    onTestFinished(() => redis.stop());
    return redis.tlsPort;
  };

  /** What the doctor says. */
  const told = async (...urls: string[]): Promise<string> =>
    (await redisCheck(urls).run()).map(({ summary }) => summary).join();

  test("the right authority connects; another one, another host and an expired certificate are refused with what to do", async () => {
    const port = await start(good);
    const url = `rediss://localhost:${port}`;
    expect(await told(`${url}?sslrootcert=${authority.ca}`)).toMatch(/^Redis answers in /);
    for (const [ca, host] of [
      [stranger.ca, "localhost"],
      [null, "localhost"],
    ])
      expect(await told(`rediss://${host}:${port}${ca === null ? "" : `?sslrootcert=${ca}`}`)).toMatch(
        /^Redis does not answer: the server's certificate is signed by no authority that is trusted here/,
      );
    expect(await told(`rediss://127.0.0.1:${port}?sslrootcert=${authority.ca}`)).toMatch(
      /^Redis does not answer: the server's certificate is of another host \(it has DNS:localhost\)/,
    );
    const old = await start(expired);
    const log = makeTestLog();
    const client = connectRedis([`rediss://localhost:${old}?sslrootcert=${authority.ca}`], log);
    onTestFinished(() => client.disconnect());
    await waitFor(async () => log.lines.length > 0);
    expect(log.lines).toMatchObject([
      {
        facts: { error: expect.stringContaining("certificate has expired. Renew it") },
        message: expect.stringContaining("everything goes on without it"),
      },
    ]);
  });

  test("a server that wants a certificate of its clients takes the one that the URL names", async () => {
    const port = await start(good, true);
    const client = authority.issue("client", "DNS:sluice");
    const url = `rediss://localhost:${port}?sslrootcert=${authority.ca}`;
    expect(await told(url)).toMatch(/^Redis does not answer/);
    expect(await told(`${url}&sslcert=${client.cert}&sslkey=${client.key}`)).toMatch(/^Redis answers in /);
  });

  test("what speaks no TLS at a rediss:// URL is refused", async () => {
    const web = createServer((socket) =>
      socket.on("error", () => {}).end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    );
    await once(web.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void web.close());
    const { port } = AddressInfo.parse(web.address());
    expect(await told(`rediss://127.0.0.1:${port}?sslrootcert=${authority.ca}`)).toMatch(
      /^Redis does not answer: what listens there speaks no TLS/,
    );
  });

  test("a cluster is spoken with by TLS on every node, and refused by another authority", async () => {
    const cluster = await startRedisCluster({ tls: { ...good, ca: authority.ca } });
    onTestFinished(() => cluster.stop());
    const urls = cluster.nodes.map((node) => `rediss://localhost:${node.tlsPort}`);
    const trusting = [`${urls[0]}?sslrootcert=${authority.ca}`, ...urls.slice(1)];
    const client = connectRedis(trusting, makeTestLog());
    onTestFinished(() => client.disconnect());
    await waitFor(async () => client.status === "ready");
    // Keys of all three masters.
    for (const key of ["a", "b", "c", "d", "e", "f"]) expect(await client.set(key, "1")).toBe("OK");
    expect(await told(...trusting)).toMatch(/^Redis answers in /);
    expect(await told(`${urls[0]}?sslrootcert=${stranger.ca}`, ...urls.slice(1))).toMatch(
      /^Redis does not answer: the server's certificate is signed by no authority/,
    );
  });
});
