// What came to a hook and what became of it; and a try with a made-up alert, which closes and records nothing.
import { useState } from "preact/hooks";
import { failureOf, whyNot, type Failure } from "../api.ts";
import { listHookDeliveries, testHook, type Hook, type HookDelivery } from "../client.gen.ts";
import { Action } from "../parts/action.tsx";
import { TextField } from "../parts/fields.tsx";
import { Notice } from "../parts/notice.tsx";
import { Loaded } from "../parts/page.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import { Setup } from "./hook-dialog.tsx";
import { samplePayload } from "./sources.tsx";

type Alert = HookDelivery["alerts"][number];
type Outcome = Alert["outcome"];

const OUTCOMES: Readonly<Record<Outcome, readonly [string, "good" | "bad" | "warn" | "off"]>> = {
  rolledBack: ["rolled back", "bad"],
  wouldRollBack: ["would roll back", "warn"],
  alreadyClosed: ["closed already", "off"],
  repeated: ["repeated", "off"],
  beganBefore: ["began before", "off"],
  resolved: ["resolved", "good"],
  ignored: ["ignored", "off"],
  noTarget: ["names nothing", "warn"],
  notAllowed: ["not allowed", "warn"],
  unknownFeature: ["unknown feature", "warn"],
  unreadable: ["not readable", "warn"],
  leftOut: ["left out", "warn"],
  failed: ["failed", "bad"],
};

const Alerts = ({ alerts }: { alerts: readonly Alert[] }) => (
  <ul class="alerts">
    {alerts.map(({ key, title, outcome, detail, revision }, at) => (
      <li key={key ?? at}>
        <span class={`badge ${OUTCOMES[outcome][1]}`}>{OUTCOMES[outcome][0]}</span> {title}: {detail}{" "}
        {revision === null ? null : <a href={`/rollbacks/${revision}`}>rollback</a>}
      </li>
    ))}
  </ul>
);

const TryOut = ({ hook }: { hook: Hook }) => {
  const [featureId, setFeatureId] = useState("");
  const [alerts, setAlerts] = useState<readonly Alert[] | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const run = async (): Promise<void> => {
    try {
      const answer = await testHook(hook.name, samplePayload(hook, featureId.trim(), new Date()));
      setAlerts(answer.alerts);
      setFailure(null);
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <>
      <h4>Try it</h4>
      <p>A made-up alert shows what it would close. Nothing is closed or recorded.</p>
      <div class="try">
        <TextField
          label="The alert names this feature"
          value={featureId}
          set={setFeatureId}
          placeholder={hook.featureId ?? "none"}
        />
        <Action name={`Try ${hook.name}`} refusal={whyNot("admin")} onClick={() => void run()} />
      </div>
      {failure === null ? null : <Notice failure={failure} />}
      <div role="status">{alerts === null ? null : <Alerts alerts={alerts} />}</div>
    </>
  );
};

export const HookDetails = ({ hook }: { hook: Hook }) => {
  const deliveries = useResource(
    `deliveries ${hook.name}`,
    () => listHookDeliveries(hook.name, { limit: 25 }),
    { everyMs: 5_000 },
  );
  return (
    <div class="hook-details">
      <TryOut hook={hook} />
      <h4>What came</h4>
      <Loaded from={deliveries}>
        {({ deliveries: rows }) =>
          rows.length === 0 ? (
            <p class="empty">
              Nothing came yet. Requests without the right secret are not among them
              {hook.refusal === null ? "." : `: the last was refused, ${hook.refusal}.`}
            </p>
          ) : (
            <ol class="deliveries">
              {rows.map(({ id, at, mode, alerts }) => (
                <li key={id}>
                  <p>
                    <Time at={at} /> <small>in {mode}</small>
                  </p>
                  <Alerts alerts={alerts} />
                </li>
              ))}
            </ol>
          )
        }
      </Loaded>
      <h4>How it is set up there</h4>
      <Setup name={hook.name} source={hook.source} secret="SECRET" />
    </div>
  );
};
