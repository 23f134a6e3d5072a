// Sends e-mails over the server that SMTP_URL names. That server is the operator's own choice, so it may be anywhere.
import { z } from "zod";
import { errorText } from "../../runtime/error-text.ts";
import type { EmailMessage } from "../messages/email-message.ts";
import type { Outcome } from "./outcome.ts";

export type Mail = EmailMessage & { readonly id: string; readonly to: readonly string[] };

export type SendEmail = (mail: Mail) => Promise<Outcome>;

const CONNECT_MS = 10_000;
const SILENCE_MS = 15_000;

const SmtpError = z.looseObject({ responseCode: z.number().optional(), command: z.string().optional() });

/** A server that refuses sender, recipients or content for good answers 5xx to them. Wrong credentials may be mended. */
const isRefusal = (error: unknown): boolean => {
  const { responseCode = 0, command = "" } = SmtpError.safeParse(error).data ?? {};
  return responseCode >= 500 && /^(?:MAIL FROM|RCPT TO|DATA)$/.test(command);
};

/** Loads the mailer with the first mail: many origins never send one. */
const connectTo = async ({ url, from }: { url: string; from: string }) => {
  const { createTransport } = await import("nodemailer");
  // Options of the URL's query count too: `?requireTLS=true`.
  return createTransport(
    {
      url,
      connectionTimeout: CONNECT_MS,
      greetingTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      dnsTimeout: CONNECT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from },
  );
};

export const makeSendEmail = ({ url, from }: { url: string; from: string }): SendEmail => {
  let transport: ReturnType<typeof connectTo> | undefined;
  const domain = /@([^>\s]+)/.exec(from)?.[1] ?? "sluice.invalid";
  return async ({ id, to, subject, text, html }) => {
    try {
      transport ??= connectTo({ url, from });
      await (
        await transport
      ).sendMail({
        to: [...to],
        subject,
        text,
        html,
        // The same for each attempt, so that a mail server can tell that it has it.
        messageId: `<${id}@${domain}>`,
        headers: { "Auto-Submitted": "auto-generated" },
      });
      return { kind: "delivered" };
    } catch (error) {
      const what = errorText(error);
      return isRefusal(error)
        ? { kind: "refused", error: what }
        : { kind: "failed", error: what, retryAfterMs: null };
    }
  };
};
