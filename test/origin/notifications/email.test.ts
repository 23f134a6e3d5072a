// E-mails over a real SMTP server: with a password, with TLS from the beginning and by STARTTLS, and refused.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { afterEach, describe, expect, test } from "vitest";
import { makeSendEmail } from "../../../origin/notifications/channels/send-email.ts";

type Mail = { from: string; to: string[]; text: string; secure: boolean; user: string };
const USER = "sluice";
const PASSWORD = "p@ss/wörd:1";

const servers: SMTPServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise<void>((resolve) => server.close(() => resolve()));
});

const startServer = async (options: SMTPServerOptions = {}) => {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    authMethods: ["PLAIN", "LOGIN"],
    allowInsecureAuth: true,
    logger: false,
    onAuth: ({ username, password }, _session, callback) =>
      username === USER && password === PASSWORD
        ? callback(null, { user: username })
        : callback(new Error("wrong user or password")),
    onRcptTo: ({ address }, _session, callback) =>
      callback(
        address.startsWith("unknown")
          ? Object.assign(new Error("no such mailbox"), { responseCode: 550 })
          : address.startsWith("full")
            ? Object.assign(new Error("mailbox is full"), { responseCode: 452 })
            : null,
      ),
    onData: (stream, { envelope, secure, user }, callback) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        mails.push({
          from: envelope.mailFrom === false ? "" : envelope.mailFrom.address,
          to: envelope.rcptTo.map(({ address }) => address),
          text: Buffer.concat(chunks).toString(),
          secure,
          user: String(user),
        });
        callback();
      });
    },
    ...options,
  });
  servers.push(server);
  server.on("error", () => {});
  const listening = server.listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address() as AddressInfo;
  const login = `${USER}:${encodeURIComponent(PASSWORD)}`;
  return { mails, port, login };
};

const mail = {
  id: "msg_0123456789abcdef",
  to: ["ops@shop.test", "cto@shop.test"],
  subject: "Rolled back: feat_checkout",
  text: "the till is on fire\n",
  html: "<p>the till is on fire</p>\n",
};
const senderFor = (url: string) => makeSendEmail({ url, from: "Sluice <sluice@shop.test>" });

describe("an e-mail", () => {
  test("has both parts, the sender, all recipients, and an id that is the same for each attempt", async () => {
    const { mails, port, login } = await startServer();
    const send = senderFor(`smtp://${login}@127.0.0.1:${port}?tls.rejectUnauthorized=false`);
    expect(await send(mail)).toEqual({ kind: "delivered" });
    expect(await send(mail)).toEqual({ kind: "delivered" });
    expect(mails).toMatchObject([
      { from: "sluice@shop.test", to: mail.to, user: USER, secure: true },
      { from: "sluice@shop.test" },
    ]);
    for (const { text } of mails) {
      expect(text).toContain("Subject: Rolled back: feat_checkout");
      expect(text).toContain("Message-ID: <msg_0123456789abcdef@shop.test>");
      expect(text).toMatch(
        /multipart\/alternative[^]*text\/plain[^]*the till is on fire[^]*text\/html[^]*<p>the till/,
      );
    }
  });

  test("goes over TLS from the beginning, and not to a server whose certificate is not trusted", async () => {
    const { mails, port, login } = await startServer({ secure: true });
    const untrusted = await senderFor(`smtps://${login}@127.0.0.1:${port}`)(mail);
    expect(untrusted).toMatchObject({ kind: "failed", error: expect.stringMatching(/certificate/i) });
    expect(mails).toEqual([]);
    const trusted = senderFor(`smtps://${login}@127.0.0.1:${port}?tls.rejectUnauthorized=false`);
    expect(await trusted(mail)).toEqual({ kind: "delivered" });
    expect(mails).toMatchObject([{ secure: true }]);
  });

  test("is not sent in the clear where the URL requires TLS", async () => {
    const { mails, port, login } = await startServer({ hideSTARTTLS: true, disabledCommands: ["STARTTLS"] });
    const send = senderFor(`smtp://${login}@127.0.0.1:${port}?requireTLS=true`);
    expect(await send(mail)).toMatchObject({ kind: "failed" });
    expect(mails).toEqual([]);
  });

  test("that the server does not take is tried again, unless it will never be taken; no error holds the password", async () => {
    const { port, login } = await startServer({ hideSTARTTLS: true });
    const to = (address: string) =>
      senderFor(`smtp://${login}@127.0.0.1:${port}`)({ ...mail, to: [address] });
    expect(await to("unknown@shop.test")).toMatchObject({
      kind: "refused",
      error: expect.stringContaining("no such mailbox"),
    });
    expect(await to("full@shop.test")).toMatchObject({ kind: "failed" });
    const wrong = await senderFor(`smtp://${USER}:not-the-password@127.0.0.1:${port}`)(mail);
    expect(wrong).toMatchObject({ kind: "failed", error: expect.stringContaining("wrong user or password") });
    expect(JSON.stringify(wrong)).not.toContain("not-the-password");
  });

  test("to a server that is not there is tried again", async () => {
    expect(await senderFor("smtp://127.0.0.1:1")(mail)).toMatchObject({ kind: "failed" });
  });
});
