// What alerting systems send. They have no token: the hook's secret, shown or signed with, says who they are.
import type { Hooks } from "../hooks/make-hooks.ts";
import type { RequestLimits } from "../runtime/request-limits.ts";
import { problem } from "../runtime/problem.ts";
import type { AdminApp } from "./admin-context.ts";
import { AnyPayload, DeliveryDocument, HookParams } from "./documents/hook.ts";
import { describeOperation } from "./operation.ts";
import { makeHookLimits } from "./hook-limits.ts";

const textOf = (body: ArrayBuffer): string => new TextDecoder().decode(body);

const jsonOf = (body: ArrayBuffer): { json: unknown } | null => {
  try {
    return { json: JSON.parse(textOf(body)) };
  } catch {
    return null;
  }
};

export const addAlertRoute = (
  api: AdminApp,
  { hooks, limits: { addressOf } }: { hooks: Hooks; limits: Pick<RequestLimits, "addressOf"> },
): void => {
  const limits = makeHookLimits(addressOf);
  describeOperation(api, {
    method: "post",
    path: "/hooks/{name}",
    operationId: "receiveAlerts",
    tag: "Hooks",
    summary: "Take alerts from an alerting system",
    description:
      "Each alert that fires closes what it names, as far as the hook allows it, once. An alert that is over opens nothing.",
    scope: "hook",
    params: HookParams,
    body: AnyPayload,
    answersSecret: true,
    answers: {
      200: { description: "What became of each alert.", schema: DeliveryDocument },
      503: {
        description:
          "Some alerts could not be carried out, or the origin cannot read the hook's secret: send the same again after Retry-After.",
        schema: DeliveryDocument,
        alsoProblem: true,
      },
    },
  });
  api.post("/hooks/:name", async (context) => {
    const unauthorized = (): Response => {
      context.header("www-authenticate", 'Bearer realm="sluice hook"');
      return problem(context, {
        status: 401,
        title: "Unauthorized",
        detail:
          "there is no such hook, or the request does not show that its sender has the hook's secret; GET of the hook says what was refused",
      });
    };
    const params = HookParams.safeParse(context.req.param());
    if (!params.success) return unauthorized();
    const { name } = params.data;
    const stranger = await limits.ofStranger(context, name);
    if (stranger !== null) return stranger;
    const body = await context.req.arrayBuffer();
    const authenticated = await hooks.authenticate(name, {
      header: (header) => context.req.header(header),
      body: new Uint8Array(body),
    });
    if (!authenticated.ok && authenticated.error === "locked") {
      await limits.noteStranger(context);
      context.header("retry-after", "60");
      return problem(context, {
        status: 503,
        title: "Service Unavailable",
        detail: "the origin cannot read this hook's secret at the moment; GET of the hook says why",
      });
    }
    if (!authenticated.ok) {
      await limits.noteStranger(context);
      return unauthorized();
    }
    const tooOften = await limits.ofSender(context, name);
    if (tooOften !== null) return tooOften;
    const read = jsonOf(body);
    if (read === null)
      return problem(context, { status: 400, title: "Bad Request", detail: "the body is not JSON" });
    const received = await hooks.receive(authenticated.value, read.json);
    if (!received.ok) return problem(context, { status: 400, title: "Bad Request", detail: received.error });
    if (received.value.alerts.some(({ outcome }) => outcome === "failed")) {
      context.header("retry-after", "5");
      return context.json(received.value, 503);
    }
    return context.json(received.value);
  });
};
