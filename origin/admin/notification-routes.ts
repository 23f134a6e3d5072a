// The targets that are told news: make, read, change and remove them, try one, and tell one again.
import type { Context } from "hono";
import type { z } from "@hono/zod-openapi";
import { err, ok, type Result } from "../../shared/result.ts";
import type { NotificationTargets, ShownTarget } from "../notifications/notification-targets.ts";
import type { Channel } from "../notifications/target.ts";
import { problem } from "../runtime/problem.ts";
import type { AdminApp } from "./admin-context.ts";
import {
  NewSecretBody,
  NewsMessage,
  NewTargetBody,
  NewTargetDocument,
  RedeliverBody,
  RedeliverDocument,
  SecretDocument,
  TargetBody,
  TargetDocument,
  TargetParams,
  TargetsDocument,
  TestDocument,
  WebhookHeaders,
} from "./documents/notification.ts";
import { fieldsProblem } from "./field-problem.ts";
import { addOperation } from "./operation.ts";
import { etagOf, readPrecondition, versionProblem } from "./read-request.ts";

const conflict = (context: Context, detail: string, reason: string): Response =>
  problem(context, { status: 409, title: "Conflict", detail, reason });

/** `why`: it names the variable that lacks the key. */
const encrypted = (context: Context, why: string): Response =>
  conflict(context, `${why}; without it the target can only be removed and made again`, "encrypted");

const fromEnvironment = (context: Context): Response =>
  conflict(
    context,
    "a variable of the origin made this target: change SLACK_WEBHOOK_URL instead",
    "fromEnvironment",
  );

const one = { tag: "Notifications", scope: "admin", params: TargetParams } as const;

export const addNotificationRoutes = (
  api: AdminApp,
  { notifications }: { notifications: NotificationTargets },
): void => {
  const find = async (context: Context, name: string): Promise<Result<ShownTarget, Response>> => {
    const target = await notifications.get(name);
    return target === null
      ? err(problem(context, { status: 404, title: "Not Found", detail: "there is no such target" }))
      : ok(target);
  };

  /** What does not depend on the body alone: addresses that are not allowed, a mail server that is missing. */
  const refusal = (context: Context, body: { type: Channel["type"]; url?: string | undefined }) => {
    if (body.type === "email" && !notifications.canMail)
      return conflict(
        context,
        "e-mails need a mail server: set SMTP_URL and SMTP_FROM at the origin",
        "noSmtp",
      );
    if (body.url === undefined) return null;
    const checked = notifications.checkUrl(body.url);
    return checked.ok ? null : fieldsProblem(context, [{ field: "url", reason: checked.error }]);
  };

  addOperation(
    api,
    {
      tag: one.tag,
      scope: one.scope,
      method: "get",
      path: "/notifications",
      operationId: "listNotificationTargets",
      summary: "List the targets of news",
      answers: { 200: { description: "All of them, by name, without secrets.", schema: TargetsDocument } },
    },
    async ({ context }) => context.json({ targets: await notifications.list() }),
  );

  const channelOf = (body: z.output<typeof NewTargetBody>): Channel => {
    switch (body.type) {
      case "slack":
        return { type: body.type, url: body.url };
      case "email":
        return { type: body.type, to: body.to };
      case "webhook": {
        const secret = body.secret ?? notifications.newWebhookSecret();
        return { type: body.type, url: body.url, secret, previous: null };
      }
    }
  };

  addOperation(
    api,
    {
      tag: one.tag,
      scope: one.scope,
      method: "post",
      path: "/notifications",
      operationId: "createNotificationTarget",
      summary: "Add a target of news",
      description: "It is told what happens from now on.",
      body: NewTargetBody,
      answersSecret: true,
      answers: { 201: { description: "The target.", schema: NewTargetDocument } },
    },
    async ({ context, principal, readBody }) => {
      const body = await readBody();
      if (!body.ok) return body.error;
      const refused = refusal(context, body.value);
      if (refused !== null) return refused;
      const { name, events, features, tags, enabled } = body.value;
      const channel = channelOf(body.value);
      const made = await notifications.create({
        name,
        channel,
        events,
        features,
        tags,
        enabled,
        actor: principal.actor,
      });
      if (made === "exists")
        return conflict(context, "a target with this name exists: choose another name", "alreadyExists");
      if (made === "tooMany")
        return conflict(context, "there are as many targets as there may be: remove one first", "tooMany");
      const target = await find(context, name);
      if (!target.ok) return target.error;
      const isMade =
        channel.type === "webhook" && body.value.type === "webhook" && body.value.secret === undefined;
      context.header("cache-control", "no-store");
      context.header("etag", etagOf(target.value.version));
      return context.json({ ...target.value, secret: isMade ? channel.secret : null }, 201);
    },
  );

  addOperation(
    api,
    {
      ...one,
      method: "get",
      path: "/notifications/{name}",
      operationId: "getNotificationTarget",
      summary: "Read a target and how its messages fare",
      answers: { 200: { description: "The target, without its secrets.", schema: TargetDocument } },
    },
    async ({ context, params }) => {
      const target = await find(context, params.name);
      if (!target.ok) return target.error;
      context.header("etag", etagOf(target.value.version));
      return context.json(target.value);
    },
  );

  /** The target, if it may be changed and is at the version that the caller saw. */
  const findForChange = async (context: Context, name: string): Promise<Result<ShownTarget, Response>> => {
    const target = await find(context, name);
    if (!target.ok) return target;
    const { version } = target.value;
    const precondition = readPrecondition(context, { version, required: true, what: "the target" });
    if (!precondition.ok) return precondition;
    return target.value.fromEnvironment ? err(fromEnvironment(context)) : target;
  };

  addOperation(
    api,
    {
      ...one,
      method: "put",
      path: "/notifications/{name}",
      operationId: "updateNotificationTarget",
      summary: "Change a target",
      description:
        "Replaces what it is told of. Its address stays if the body names none. A message that failed is tried again at once.",
      ifMatch: "required",
      body: TargetBody,
      answers: { 200: { description: "The target is changed.", schema: TargetDocument } },
    },
    async ({ context, params, principal, readBody }) => {
      const found = await findForChange(context, params.name);
      if (!found.ok) return found.error;
      const { name, type, version } = found.value;
      const body = await readBody();
      if (!body.ok) return body.error;
      if (body.value.type !== type)
        return fieldsProblem(context, [
          { field: "type", reason: `must be ${type}: remove it and add another` },
        ]);
      const refused = refusal(context, body.value);
      if (refused !== null) return refused;
      const { events, features, tags, enabled, ...rest } = body.value;
      const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
      const isChanged = await notifications.replace(
        { name, version, events, features, tags, enabled, actor: principal.actor },
        (present) => ({ ...present, ...given }),
      );
      if (typeof isChanged === "string") return encrypted(context, isChanged);
      const target = await find(context, name);
      if (!target.ok) return target.error;
      if (!isChanged) return versionProblem(context, target.value.version, "the target");
      context.header("etag", etagOf(target.value.version));
      return context.json(target.value);
    },
  );

  addOperation(
    api,
    {
      ...one,
      method: "delete",
      path: "/notifications/{name}",
      operationId: "deleteNotificationTarget",
      summary: "Remove a target",
      description: "What waits for it is not told any more.",
      ifMatch: "required",
      answers: { 204: { description: "It is removed." } },
    },
    async ({ context, principal, params }) => {
      const found = await findForChange(context, params.name);
      if (!found.ok) return found.error;
      const { name, version } = found.value;
      if (await notifications.remove({ name, version, actor: principal.actor }))
        return context.body(null, 204);
      const target = await find(context, name);
      return target.ok ? versionProblem(context, target.value.version, "the target") : target.error;
    },
  );

  addOperation(
    api,
    {
      ...one,
      method: "post",
      path: "/notifications/{name}/secret",
      operationId: "changeNotificationSecret",
      summary: "Change the secret of a webhook",
      description: "For a while both the new secret and the one before sign each message.",
      body: NewSecretBody,
      answersSecret: true,
      answers: { 200: { description: "The new secret.", schema: SecretDocument } },
    },
    async ({ context, params, principal, readBody }) => {
      const found = await find(context, params.name);
      if (!found.ok) return found.error;
      const body = await readBody();
      if (!body.ok) return body.error;
      const { name, type, version, events, features, tags, enabled } = found.value;
      if (type !== "webhook") return conflict(context, "only a webhook has a secret", "noSecret");
      const secret = body.value.secret ?? notifications.newWebhookSecret();
      const until = new Date(Date.now() + body.value.keepPreviousSeconds * 1_000);
      const isChanged = await notifications.replace(
        { name, version, events, features, tags, enabled, actor: principal.actor },
        (present) =>
          present.type === "webhook"
            ? { ...present, secret, previous: { secret: present.secret, until } }
            : present,
      );
      if (typeof isChanged === "string") return encrypted(context, isChanged);
      if (!isChanged) return conflict(context, "the target was changed meanwhile: try again", "conflict");
      context.header("cache-control", "no-store");
      return context.json({ secret, previousSecretUntil: until });
    },
  );

  addOperation(
    api,
    {
      ...one,
      method: "post",
      path: "/notifications/{name}/test",
      operationId: "testNotificationTarget",
      summary: "Send a test message, and tell what became of it",
      answers: { 200: { description: "Whether the receiver took it.", schema: TestDocument } },
    },
    async ({ context, params, principal }) => {
      const tried = await notifications.test(params.name, principal.actor);
      return tried === null
        ? problem(context, { status: 404, title: "Not Found", detail: "there is no such target" })
        : context.json(tried);
    },
  );

  addOperation(
    api,
    {
      ...one,
      method: "post",
      path: "/notifications/{name}/redeliver",
      operationId: "redeliverNotifications",
      summary: "Tell a target once more what was announced since a time",
      body: RedeliverBody,
      answers: { 200: { description: "How much waits for it now.", schema: RedeliverDocument } },
    },
    async ({ context, params, readBody }) => {
      const found = await find(context, params.name);
      if (!found.ok) return found.error;
      const body = await readBody();
      if (!body.ok) return body.error;
      return context.json({ queued: await notifications.redeliver(params.name, body.value.since) });
    },
  );

  api.openAPIRegistry.registerWebhook({
    method: "post",
    path: "news",
    operationId: "receiveNews",
    tags: [one.tag],
    summary: "What a target of the type webhook receives",
    description:
      "Signed as [Standard Webhooks](https://www.standardwebhooks.com) says. At least once, in the order of what happened.",
    request: {
      headers: WebhookHeaders,
      body: { required: true, content: { "application/json": { schema: NewsMessage } } },
    },
    responses: {
      "2XX": { description: "It is taken." },
      "410": { description: "It is wanted no more, and the target is disabled." },
      default: { description: "It is sent again, for a day. Retry-After counts." },
    },
  });
};
