// Hooks for the admin API: kept, asked by alerting systems, tried out.
import type { Counter } from "prom-client";
import { ok, err, type Result } from "../../shared/result.ts";
import type { Pool } from "../db/pool.ts";
import type { FeatureChanges } from "../features/change-feature.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import { errorText } from "../runtime/error-text.ts";
import type { Logger } from "../runtime/log.ts";
import type { StoredSecrets } from "../runtime/stored-secrets.ts";
import { MAX_ALERTS, type ReadAlert } from "./alert.ts";
import type { AlertResult } from "./alert-result.ts";
import {
  findAlert,
  insertDelivery,
  listDeliveries,
  noteActed,
  noteAlert,
  type DeliveryQuery,
} from "./delivery-table.ts";
import { makeHandleAlert } from "./handle-alert.ts";
import { checkSecret, checkSettings, defaultAuthentication, type SettingError } from "./check-hook.ts";
import type { Authentication, Hook, HookName, HookSettings } from "./hook.ts";
import {
  deleteHook,
  findHook,
  findHookWithSecrets,
  insertHook,
  listHooks,
  MAX_HOOKS,
  noteRefusal,
  replaceSecret,
  updateHook,
} from "./hook-table.ts";
import { newSecret } from "./new-secret.ts";
import { readAlerts } from "./read-alerts.ts";
import { lockSecret, unlockSecrets } from "./locked-secrets.ts";
import { refusalText, verifySender, type SenderRefusal, type SignedRequest } from "./verify-sender.ts";

export type NewHook = Omit<HookSettings, "authentication"> & {
  readonly name: HookName;
  readonly authentication?: Authentication | undefined;
  readonly secret?: string | undefined;
};
export type HookWithSecret = { readonly hook: Hook; readonly secret: string };
type Invalid = { readonly reason: "invalid"; readonly errors: readonly SettingError[] };
/** `locked`: this process lacks the key with which the hook's secret is encrypted. */
type AuthenticationError = "unknown" | "locked" | SenderRefusal;
type ChangeError = Invalid | { readonly reason: "versionConflict" };
type CreateError =
  | Invalid
  | { readonly reason: "alreadyExists" }
  | { readonly reason: "tooMany"; readonly limit: number };

export type Hooks = ReturnType<typeof makeHooks>;

const unread = (outcome: "unreadable" | "leftOut", detail: string): AlertResult => ({
  key: null,
  title: "",
  outcome,
  detail,
  featureIds: [],
  revision: null,
});

const leftOut = (alerts: readonly ReadAlert[]): AlertResult[] =>
  alerts.length <= MAX_ALERTS
    ? []
    : [
        unread(
          "leftOut",
          `${alerts.length - MAX_ALERTS} more alerts came: one delivery brings ${MAX_ALERTS} at most`,
        ),
      ];

/** `nowS`: unix seconds. */
export const makeHooks = ({
  pool,
  secrets,
  features,
  changes,
  alerts: counter,
  nowS,
  log,
}: {
  pool: Pool;
  secrets: StoredSecrets;
  features: Pick<FeatureReads, "getFeature" | "previewRollback">;
  changes: Pick<FeatureChanges, "rollbackFeature" | "rollbackTag">;
  alerts: Counter<"hook" | "outcome">;
  nowS: () => number;
  log: Pick<Logger, "info" | "warn" | "error">;
}) => {
  const handleAlert = makeHandleAlert({ features, changes });

  const carryOut = async (hook: Hook, read: ReadAlert): Promise<AlertResult> => {
    if (!read.ok) return unread("unreadable", read.error);
    const alert = read.value;
    try {
      const seen = await noteAlert(pool, hook.name, alert.key);
      const isCarriedOut = hook.mode === "enforce";
      const result = await handleAlert(hook, alert, { seen, isCarriedOut });
      if (isCarriedOut && (result.outcome === "rolledBack" || result.outcome === "alreadyClosed"))
        await noteActed(pool, hook.name, alert.key);
      return result;
    } catch (error) {
      log.error(
        { err: error, hook: hook.name, alert: alert.key },
        "an alert could not be carried out; its sender is asked to come again",
      );
      const { key, title } = alert;
      return { key, title, outcome: "failed", detail: "the log has why", featureIds: [], revision: null };
    }
  };

  /** Alerts one after the other: one that cannot be read or carried out stops none of the others. */
  const receive = async (hook: Hook, json: unknown) => {
    const read = readAlerts(hook.source, json);
    if (!read.ok) return err(read.error);
    const results: AlertResult[] = [];
    for (const alert of read.value.slice(0, MAX_ALERTS)) results.push(await carryOut(hook, alert));
    results.push(...leftOut(read.value));
    for (const { outcome } of results) counter.inc({ hook: hook.name, outcome });
    const deliveryId = await insertDelivery(pool, { hook: hook.name, mode: hook.mode, alerts: results });
    for (const { outcome, title, detail } of results)
      if (outcome === "rolledBack" || outcome === "wouldRollBack")
        log.warn({ hook: hook.name, alert: title, outcome }, `an alert came to a hook: ${detail}`);
    return ok({ deliveryId, mode: hook.mode, alerts: results });
  };

  /** What a body would do now, in enforce. Nothing is noted. */
  const tryOut = async (hook: Hook, json: unknown) => {
    const read = readAlerts(hook.source, json);
    if (!read.ok) return err(read.error);
    const now = new Date(nowS() * 1_000);
    const results: AlertResult[] = [];
    for (const alert of read.value.slice(0, MAX_ALERTS)) {
      if (!alert.ok) {
        results.push(unread("unreadable", alert.error));
        continue;
      }
      const seen = (await findAlert(pool, hook.name, alert.value.key)) ?? { firstSeenAt: now, actedAt: null };
      results.push(await handleAlert(hook, alert.value, { seen, isCarriedOut: false }));
    }
    return ok({ mode: hook.mode, alerts: [...results, ...leftOut(read.value)] });
  };

  return {
    listHooks: () => listHooks(pool),
    findHook: (name: HookName) => findHook(pool, name),
    /** The secret is shown this once. */
    createHook: async (
      { secret: given, authentication, ...rest }: NewHook,
      actor: string,
    ): Promise<Result<HookWithSecret, CreateError>> => {
      const settings = { ...rest, authentication: authentication ?? defaultAuthentication(rest.source) };
      const errors = [...checkSettings(settings), ...checkSecret(rest.source, given)];
      if (errors.length > 0) return err({ reason: "invalid", errors });
      const secret = given ?? newSecret(rest.source);
      const hook = await insertHook(pool, {
        ...settings,
        actor,
        secret: lockSecret(secrets, rest.name, settings, secret),
      });
      if (hook === "exists") return err({ reason: "alreadyExists" });
      return hook === "tooMany" ? err({ reason: "tooMany", limit: MAX_HOOKS }) : ok({ hook, secret });
    },
    /** `wanted.version`: the one that the change is about. */
    updateHook: async (wanted: Hook, actor: string): Promise<Result<Hook, ChangeError>> => {
      const errors = checkSettings(wanted);
      if (errors.length > 0) return err({ reason: "invalid", errors });
      const hook = await updateHook(pool, { ...wanted, actor });
      return hook === null ? err({ reason: "versionConflict" }) : ok(hook);
    },
    /** The old secret is taken for `keepOldSeconds` too. */
    replaceSecret: async (
      { name, version, source, authentication }: Hook,
      { secret: given, keepOldSeconds }: { secret?: string | undefined; keepOldSeconds: number },
      actor: string,
    ): Promise<Result<HookWithSecret, ChangeError>> => {
      const errors = checkSecret(source, given);
      if (errors.length > 0) return err({ reason: "invalid", errors });
      const secret = given ?? newSecret(source);
      const stored = lockSecret(secrets, name, { source, authentication }, secret);
      const hook = await replaceSecret(pool, {
        name,
        version,
        secret: stored,
        keepSeconds: keepOldSeconds,
        actor,
      });
      return hook === null ? err({ reason: "versionConflict" }) : ok({ hook, secret });
    },
    deleteHook: (hook: { name: HookName; version: number; actor: string }) => deleteHook(pool, hook),
    listDeliveries: (name: HookName, query: DeliveryQuery) => listDeliveries(pool, name, query),
    /** The hook, if the request comes from who has its secret. */
    authenticate: async (
      name: HookName,
      request: SignedRequest,
    ): Promise<Result<Hook, AuthenticationError>> => {
      const found = await findHookWithSecrets(pool, name);
      if (found === null) return err("unknown");
      const { hook, stored } = found;
      const { unlocked, problem } = unlockSecrets(secrets, hook, stored);
      const verdict = verifySender(hook, unlocked, request, nowS());
      if (verdict.ok) return ok(hook);
      // Without a look at the secret nobody knows whether the signature is wrong.
      const isLocked = verdict.error === "wrong" && problem !== null;
      const refusal = isLocked ? problem : refusalText(hook, verdict.error);
      const isFirst = await noteRefusal(pool, name, refusal).catch((error: unknown) => {
        log.error({ hook: name }, `the refusal of a request could not be noted: ${errorText(error)}`);
        return true;
      });
      if (isLocked && isFirst)
        log.error(
          { hook: name },
          `an alert could not be verified; its sender is asked to come again: ${problem}`,
        );
      return err(isLocked ? "locked" : verdict.error);
    },
    receive,
    tryOut,
  };
};
