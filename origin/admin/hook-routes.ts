// Hooks: made, changed, tried out and deleted by people. alert-route.ts takes what alerting systems send to them.
import type { z } from "@hono/zod-openapi";
import type { FeatureId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { Principal } from "../access/principal.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import type { Hook, HookTarget } from "../hooks/hook.ts";
import type { Hooks } from "../hooks/make-hooks.ts";
import { problem } from "../runtime/problem.ts";
import type { AdminApp, AdminContext } from "./admin-context.ts";
import { dropUndefined } from "./documents/feature.ts";
import {
  AnyPayload,
  DeliveriesDocument,
  DeliveryPaging,
  HookDocument,
  HookEditBody,
  HookParams,
  HooksDocument,
  NewHookBody,
  NewHookDocument,
  SecretBody,
  TrialDocument,
} from "./documents/hook.ts";
import { fieldsProblem } from "./field-problem.ts";
import { addOperation } from "./operation.ts";
import { mayChange, tagProblem } from "./permission.ts";
import { etagOf, readPrecondition, versionProblem } from "./read-request.ts";

type Named = {
  readonly context: AdminContext;
  readonly principal: Principal;
  readonly params: z.output<typeof HookParams>;
};

const answerHook = (context: AdminContext, hook: Hook): Response => {
  context.header("etag", etagOf(hook.version));
  return context.json(hook);
};

export const addHookRoutes = (
  api: AdminApp,
  { hooks, features }: { hooks: Hooks; features: Pick<FeatureReads, "getFeature"> },
): void => {
  const findHook = async ({ context, params }: Named): Promise<Result<Hook, Response>> => {
    const hook = await hooks.findHook(params.name);
    return hook === null
      ? err(problem(context, { status: 404, title: "Not Found", detail: `no hook ${params.name}` }))
      : ok(hook);
  };

  const mayChangeFeature = async (principal: Principal, featureId: FeatureId): Promise<boolean> =>
    mayChange(principal, (await features.getFeature(featureId))?.tags ?? []);

  /** Whoever may change features with some tags only makes no hook that closes others. */
  const mayBind = async (principal: Principal, target: HookTarget): Promise<boolean> => {
    if (principal.tags === null) return true;
    const tags = [target.tag ?? [], target.allowedTags].flat();
    if (!tags.every((tag) => mayChange(principal, [tag]))) return false;
    const named = [target.featureId ?? [], target.allowedFeatures].flat();
    const allowed = await Promise.all(named.map((featureId) => mayChangeFeature(principal, featureId)));
    return allowed.every(Boolean);
  };

  /** The hook at the version that the request names, if the caller may change it. */
  const findOwnHook = async (request: Named): Promise<Result<Hook, Response>> => {
    const { context, principal } = request;
    const found = await findHook(request);
    if (!found.ok) return found;
    if (!(await mayBind(principal, found.value))) return err(tagProblem(context, principal));
    const { version } = found.value;
    const precondition = readPrecondition(context, { version, required: true, what: "the hook" });
    return precondition.ok ? found : precondition;
  };

  const lostTo = async (request: Named): Promise<Response> => {
    const found = await findHook(request);
    return found.ok ? versionProblem(request.context, found.value.version, "the hook") : found.error;
  };

  addOperation(
    api,
    {
      method: "get",
      path: "/hooks",
      operationId: "listHooks",
      tag: "Hooks",
      summary: "List hooks by name",
      scope: "admin",
      answers: { 200: { description: "All hooks, without their secrets.", schema: HooksDocument } },
    },
    async ({ context }) => context.json({ hooks: await hooks.listHooks() }),
  );

  addOperation(
    api,
    {
      method: "post",
      path: "/hooks",
      operationId: "createHook",
      tag: "Hooks",
      summary: "Make a hook for an alerting system",
      scope: "admin",
      body: NewHookBody,
      answersSecret: true,
      answers: { 201: { description: "The hook, with its secret.", schema: NewHookDocument } },
    },
    async ({ context, principal, readBody }) => {
      const body = await readBody();
      if (!body.ok) return body.error;
      if (!(await mayBind(principal, body.value))) return tagProblem(context, principal);
      const created = await hooks.createHook(body.value, principal.actor);
      if (created.ok) {
        const { hook, secret } = created.value;
        context.header("etag", etagOf(hook.version));
        context.header("cache-control", "no-store");
        return context.json({ ...hook, secret }, 201);
      }
      const { error } = created;
      if (error.reason === "invalid") return fieldsProblem(context, error.errors);
      const detail =
        error.reason === "alreadyExists"
          ? "a hook with this name exists: delete it first, or choose another name"
          : `there are ${error.limit} hooks, which is the most: delete one first`;
      return problem(context, { status: 409, title: "Conflict", detail, reason: error.reason });
    },
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/hooks/{name}",
      operationId: "getHook",
      tag: "Hooks",
      summary: "Read a hook",
      scope: "admin",
      params: HookParams,
      answers: { 200: { description: "The hook, with its ETag.", schema: HookDocument } },
    },
    async (request) => {
      const found = await findHook(request);
      return found.ok ? answerHook(request.context, found.value) : found.error;
    },
  );

  addOperation(
    api,
    {
      method: "put",
      path: "/hooks/{name}",
      operationId: "updateHook",
      tag: "Hooks",
      summary: "Change what a hook closes, and whether it does",
      description: "A field that is not named stays as it is.",
      scope: "admin",
      params: HookParams,
      body: HookEditBody,
      ifMatch: "required",
      answers: { 200: { description: "The hook as it is now, with its ETag.", schema: HookDocument } },
    },
    async (request) => {
      const { context, principal, readBody } = request;
      const found = await findOwnHook(request);
      if (!found.ok) return found.error;
      const body = await readBody();
      if (!body.ok) return body.error;
      const wanted: Hook = { ...found.value, ...dropUndefined(body.value) };
      if (!(await mayBind(principal, wanted))) return tagProblem(context, principal);
      const updated = await hooks.updateHook(wanted, principal.actor);
      if (updated.ok) return answerHook(context, updated.value);
      return updated.error.reason === "invalid"
        ? fieldsProblem(context, updated.error.errors)
        : lostTo(request);
    },
  );

  addOperation(
    api,
    {
      method: "delete",
      path: "/hooks/{name}",
      operationId: "deleteHook",
      tag: "Hooks",
      summary: "Delete a hook and the record of its deliveries",
      scope: "admin",
      params: HookParams,
      ifMatch: "required",
      answers: { 204: { description: "It is deleted." } },
    },
    async (request) => {
      const found = await findOwnHook(request);
      if (!found.ok) return found.error;
      const { name, version } = found.value;
      return (await hooks.deleteHook({ name, version, actor: request.principal.actor }))
        ? request.context.body(null, 204)
        : lostTo(request);
    },
  );

  addOperation(
    api,
    {
      method: "post",
      path: "/hooks/{name}/secret",
      operationId: "replaceHookSecret",
      tag: "Hooks",
      summary: "Replace a hook's secret",
      description: "The old one is taken for a while too, so that no alert is lost meanwhile.",
      scope: "admin",
      params: HookParams,
      body: SecretBody,
      ifMatch: "required",
      answersSecret: true,
      answers: { 200: { description: "The hook, with its new secret.", schema: NewHookDocument } },
    },
    async (request) => {
      const { context, principal, readBody } = request;
      const found = await findOwnHook(request);
      if (!found.ok) return found.error;
      const body = await readBody();
      if (!body.ok) return body.error;
      const replaced = await hooks.replaceSecret(found.value, body.value, principal.actor);
      if (!replaced.ok)
        return replaced.error.reason === "invalid"
          ? fieldsProblem(context, replaced.error.errors)
          : lostTo(request);
      const { hook, secret } = replaced.value;
      context.header("etag", etagOf(hook.version));
      context.header("cache-control", "no-store");
      return context.json({ ...hook, secret });
    },
  );

  addOperation(
    api,
    {
      method: "post",
      path: "/hooks/{name}/test",
      operationId: "testHook",
      tag: "Hooks",
      summary: "What a payload would close, if the hook were to close it",
      description: "Nothing is closed or recorded, and no signature is asked for.",
      scope: "admin",
      params: HookParams,
      body: AnyPayload,
      answers: { 200: { description: "What would become of each alert.", schema: TrialDocument } },
    },
    async (request) => {
      const { context, readBody } = request;
      const found = await findHook(request);
      if (!found.ok) return found.error;
      const body = await readBody();
      if (!body.ok) return body.error;
      const tried = await hooks.tryOut(found.value, body.value);
      return tried.ok
        ? context.json(tried.value)
        : problem(context, { status: 400, title: "Bad Request", detail: tried.error });
    },
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/hooks/{name}/deliveries",
      operationId: "listHookDeliveries",
      tag: "Hooks",
      summary: "What came to a hook and what became of it, the newest first",
      description: "The newest thousand are kept. Requests without the secret are not among them.",
      scope: "admin",
      params: HookParams,
      query: DeliveryPaging,
      answers: { 200: { description: "A page of deliveries.", schema: DeliveriesDocument } },
    },
    async (request) => {
      const found = await findHook(request);
      if (!found.ok) return found.error;
      return request.context.json(await hooks.listDeliveries(found.value.name, request.query));
    },
  );
};
