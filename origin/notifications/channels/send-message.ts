// Sends one message to one target, by its channel, and says what became of it. It never throws.
import { errorText } from "../../runtime/error-text.ts";
import { emailMessage } from "../messages/email-message.ts";
import type { Message } from "../messages/message.ts";
import { slackMessage } from "../messages/slack-message.ts";
import { webhookBody, webhookHeaders } from "../messages/webhook-message.ts";
import { shownError, type Channel } from "../target.ts";
import { outcomeOfAnswer, type Outcome } from "./outcome.ts";
import type { PostJson } from "./post-json.ts";
import type { SendEmail } from "./send-email.ts";

/** For the whole attempt, in ms. The lease of a target is longer. */
const ANSWER_WITHIN_MS = 10_000;
const MAIL_WITHIN_MS = 40_000;

export type SendMessage = (channel: Channel, message: Message, signal?: AbortSignal) => Promise<Outcome>;

export const makeSendMessage = (needs: {
  postJson: PostJson;
  /** null: there is no mail server. */
  sendEmail: SendEmail | null;
  publicUrl: string;
  /** Wall clock. */
  nowMs: () => number;
  answerWithinMs?: number;
}): SendMessage => {
  const { postJson, sendEmail, publicUrl, nowMs, answerWithinMs = ANSWER_WITHIN_MS } = needs;

  const post = async (
    url: string,
    { headers = {}, body }: { headers?: Record<string, string>; body: string },
    stop: AbortSignal | undefined,
  ): Promise<Outcome> => {
    const timeout = AbortSignal.timeout(answerWithinMs);
    const signal = stop === undefined ? timeout : AbortSignal.any([timeout, stop]);
    try {
      return outcomeOfAnswer(await postJson({ url, headers, body, signal }), nowMs());
    } catch (error) {
      const what = timeout.aborted ? `it did not answer within ${answerWithinMs} ms` : errorText(error);
      return { kind: "failed", error: what, retryAfterMs: null };
    }
  };

  const mail = async (
    to: readonly string[],
    message: Message,
    stop: AbortSignal | undefined,
  ): Promise<Outcome> => {
    if (sendEmail === null)
      return { kind: "failed", error: "SMTP_URL is not set at this origin", retryAfterMs: null };
    const late = Promise.withResolvers<Outcome>();
    // A conversation with a mail server cannot be cut short, so its end is not waited for.
    const onStop = (): void =>
      late.resolve({ kind: "failed", error: "the origin stops", retryAfterMs: null });
    stop?.addEventListener("abort", onStop, { once: true });
    const timer = setTimeout(
      () =>
        late.resolve({
          kind: "failed",
          error: `the mail server took more than ${MAIL_WITHIN_MS} ms`,
          retryAfterMs: null,
        }),
      MAIL_WITHIN_MS,
    );
    const outcome = await Promise.race([
      sendEmail({ ...emailMessage(message, { publicUrl }), id: message.id, to }),
      late.promise,
    ]);
    clearTimeout(timer);
    stop?.removeEventListener("abort", onStop);
    return outcome;
  };

  const send = (channel: Channel, message: Message, signal: AbortSignal | undefined): Promise<Outcome> => {
    switch (channel.type) {
      case "slack":
        return post(channel.url, { body: JSON.stringify(slackMessage(message, { publicUrl })) }, signal);
      case "webhook": {
        const body = webhookBody(message, { publicUrl });
        const headers = webhookHeaders(channel, { id: message.id, body, nowMs: nowMs() });
        return post(channel.url, { headers, body }, signal);
      }
      case "email":
        return mail(channel.to, message, signal);
    }
  };

  return async (channel, message, signal) => {
    const outcome = await send(channel, message, signal);
    return outcome.kind === "delivered" ? outcome : { ...outcome, error: shownError(outcome.error, channel) };
  };
};
