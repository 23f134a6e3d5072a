// Hooks: whose alerts close features.
import { useState } from "preact/hooks";
import { whyNot } from "../api.ts";
import { deleteHook, listHooks, replaceHookSecret, type Hook } from "../client.gen.ts";
import { Action } from "../parts/action.tsx";
import { Ask, Shown } from "../parts/ask.tsx";
import { FeatureLink } from "../parts/feature-link.tsx";
import { TextField } from "../parts/fields.tsx";
import { Loaded } from "../parts/page.tsx";
import { Secret } from "../parts/secret.tsx";
import { Term } from "../parts/term.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import { HookDetails } from "./deliveries.tsx";
import { HookDialog } from "./hook-dialog.tsx";

const NewSecret = ({ hook, close }: { hook: Hook; close: () => void }) => {
  const [given, setGiven] = useState("");
  const [secret, setSecret] = useState<string | null>(null);
  const isTheirs = hook.source === "pagerduty";
  return secret === null ? (
    <Ask
      title={`Replace the secret of ${hook.name}?`}
      confirm="Replace it"
      isReady={!isTheirs || given.trim() !== ""}
      run={async () => {
        const body = given.trim() === "" ? {} : { secret: given.trim() };
        setSecret((await replaceHookSecret(hook.name, `"${hook.version}"`, body)).secret);
        return false;
      }}
      close={close}
    >
      <p>
        The old secret is taken for a while too, so that no alert is lost until the sender has the new one.
      </p>
      {isTheirs ? (
        <TextField label="Secret that PagerDuty has made" value={given} set={setGiven} required />
      ) : null}
    </Ask>
  ) : (
    <Shown title={`The new secret of ${hook.name}, shown this once`} close={close}>
      <Secret label="Secret" secret={secret} />
    </Shown>
  );
};

const Remove = ({ hook, close }: { hook: Hook; close: () => void }) => (
  <Ask
    title={`Delete ${hook.name}?`}
    confirm="Delete it"
    tone="bad"
    run={() => deleteHook(hook.name, `"${hook.version}"`)}
    close={close}
  >
    <p>
      Alerts that come to it are refused and close nothing any more. The record of its deliveries goes with
      it; what it has closed stays closed.
    </p>
  </Ask>
);

const Closes = ({ hook }: { hook: Hook }) => {
  const { featureId, tag, allowedFeatures, allowedTags } = hook;
  if (featureId !== null)
    return (
      <>
        Closes <FeatureLink featureId={featureId} />
      </>
    );
  if (tag !== null) return <>Closes all features tagged {tag}</>;
  const allowed = [...allowedFeatures, ...allowedTags.map((each) => `tagged ${each}`)];
  return <>Closes what the alert names, of: {allowed.join(", ") || "nothing"}</>;
};

type Doing = { readonly kind: "new" | "edit" | "secret" | "remove"; readonly hook?: Hook };

export const Hooks = () => {
  const hooks = useResource("hooks", () => listHooks(), { everyMs: 10_000 });
  const [doing, setDoing] = useState<Doing | null>(null);
  const refusal = whyNot("admin");
  const close = (): void => {
    setDoing(null);
    hooks.reload();
  };
  const { kind, hook } = doing ?? {};
  return (
    <>
      <div class="actions">
        <Action name="New hook" tone="primary" refusal={refusal} onClick={() => setDoing({ kind: "new" })} />
      </div>
      <Loaded from={hooks}>
        {({ hooks: rows }) =>
          rows.length === 0 ? (
            <p class="empty">
              No alert closes anything yet. A hook lets Alertmanager, Grafana, Datadog or PagerDuty close a
              feature when its alert fires. It begins in shadow, and shows what it would close.
            </p>
          ) : (
            <ul class="hooks">
              {rows.map((each) => (
                <li key={each.name} class="card">
                  <div class="hook-head">
                    <h3>{each.name}</h3> <small>{each.source}</small>
                    <span class={`badge ${each.mode === "enforce" ? "bad" : "calm"}`}>
                      <Term of={each.mode}>{each.mode}</Term>
                    </span>
                    <div class="actions">
                      <Action
                        name={`Change ${each.name}`}
                        refusal={refusal}
                        onClick={() => setDoing({ kind: "edit", hook: each })}
                      />
                      <Action
                        name="New secret"
                        refusal={refusal}
                        onClick={() => setDoing({ kind: "secret", hook: each })}
                      />
                      <Action
                        name="Delete"
                        tone="bad"
                        refusal={refusal}
                        onClick={() => setDoing({ kind: "remove", hook: each })}
                      />
                    </div>
                  </div>
                  <p>
                    <Closes hook={each} />
                  </p>
                  {each.refusedAt === null ? null : (
                    <p class="error">
                      A request was refused <Time at={each.refusedAt} ago />: {each.refusal}
                    </p>
                  )}
                  <details>
                    <summary>Deliveries, a try, and how it is set up</summary>
                    <HookDetails hook={each} />
                  </details>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      {kind === "new" ? <HookDialog close={close} /> : null}
      {kind === "edit" && hook !== undefined ? <HookDialog hook={hook} close={close} /> : null}
      {kind === "secret" && hook !== undefined ? <NewSecret hook={hook} close={close} /> : null}
      {kind === "remove" && hook !== undefined ? <Remove hook={hook} close={close} /> : null}
    </>
  );
};
