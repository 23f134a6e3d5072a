// Who is told what happens, and whether they hear it.
import { useState } from "preact/hooks";
import { failureOf, whyNot, type Failure } from "../api.ts";
import {
  changeNotificationSecret,
  deleteNotificationTarget,
  listNotificationTargets,
  redeliverNotifications,
  testNotificationTarget,
  type NotificationTarget,
} from "../client.gen.ts";
import { formatCount } from "../format.ts";
import { Action } from "../parts/action.tsx";
import { Ask, Shown } from "../parts/ask.tsx";
import { TextField } from "../parts/fields.tsx";
import { Notice } from "../parts/notice.tsx";
import { Loaded } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { Secret } from "../parts/secret.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import { eventText } from "./events.ts";
import "../parts/stacked.css";
import { TargetDialog } from "./target-dialog.tsx";

const BY_VARIABLE = "SLACK_WEBHOOK_URL made it: change the variable at the origin.";

const State = ({ target }: { target: NotificationTarget }) => {
  const { enabled, failingSince, lastError, lastSuccessAt, queued, dropped, nextAttemptAt } = target;
  return (
    <>
      {!enabled ? (
        <span class="badge off">off</span>
      ) : failingSince === null ? (
        <span class="badge good">✓ well</span>
      ) : (
        <>
          <span class="badge bad">! failing</span>
          <small class="error">
            since <Time at={failingSince} ago />: {lastError}. Tried again <Time at={nextAttemptAt} ago />.
          </small>
        </>
      )}
      <small>
        {lastSuccessAt === null ? (
          "never told yet"
        ) : (
          <>
            told last <Time at={lastSuccessAt} ago />
          </>
        )}
        {queued > 0 ? `, ${formatCount(queued)} wait` : ""}
        {dropped > 0 ? `, ${formatCount(dropped)} given up` : ""}
      </small>
    </>
  );
};

const NewSecret = ({ target, close }: { target: NotificationTarget; close: () => void }) => {
  const [secret, setSecret] = useState<string | null>(null);
  return secret === null ? (
    <Ask
      title={`Replace the secret of ${target.name}?`}
      confirm="Replace it"
      run={async () => {
        setSecret((await changeNotificationSecret(target.name, {})).secret);
        return false;
      }}
      close={close}
    >
      <p>
        For a day both secrets sign each message, so that your program can change over. After that it refuses
        messages until it has the new one.
      </p>
    </Ask>
  ) : (
    <Shown title={`The new secret of ${target.name}, shown this once`} close={close}>
      <Secret label="Secret" secret={secret} />
    </Shown>
  );
};

const Redeliver = ({
  target,
  told,
  close,
}: {
  target: NotificationTarget;
  told: (text: string) => void;
  close: () => void;
}) => {
  const [since, setSince] = useState("");
  return (
    <Ask
      title={`Tell ${target.name} once more`}
      confirm="Tell it again"
      isReady={since !== ""}
      run={async () => {
        const { queued } = await redeliverNotifications(target.name, {
          since: new Date(since).toISOString(),
        });
        told(`${target.name} is told again: ${formatCount(queued)} wait for it now.`);
      }}
      close={close}
    >
      <p>What was announced since then is sent once more, with the same ids. News is kept for 30 days.</p>
      <TextField label="Since (your time)" type="datetime-local" value={since} set={setSince} required />
    </Ask>
  );
};

const Remove = ({ target, close }: { target: NotificationTarget; close: () => void }) => (
  <Ask
    title={`Remove ${target.name}?`}
    confirm="Remove it"
    tone="bad"
    run={() => deleteNotificationTarget(target.name, `"${target.version}"`)}
    close={close}
  >
    <p>
      It is told nothing any more
      {target.queued > 0 ? `, and the ${formatCount(target.queued)} messages that wait for it are lost` : ""}.
      Its secret is gone.
    </p>
  </Ask>
);

type Doing = {
  readonly kind: "new" | "edit" | "secret" | "redeliver" | "remove";
  readonly target?: NotificationTarget;
};

export const Targets = () => {
  const targets = useResource("targets", () => listNotificationTargets(), { everyMs: 5_000 });
  const [doing, setDoing] = useState<Doing | null>(null);
  const [told, setTold] = useState("");
  const [failure, setFailure] = useState<Failure | null>(null);
  const refusal = whyNot("admin");
  const close = (): void => {
    setDoing(null);
    targets.reload();
  };
  const tryOut = async ({ name }: NotificationTarget): Promise<void> => {
    setTold(`${name} is tried…`);
    setFailure(null);
    try {
      const { delivered, error, ms } = await testNotificationTarget(name);
      setTold(delivered ? `${name} has taken the test message, after ${formatCount(ms)} ms.` : "");
      if (!delivered)
        setFailure({
          ...failureOf(null),
          title: `${name} did not take the test message`,
          details: [error ?? "It does not say why.", "Mend the receiver or its address, and try again."],
        });
    } catch (error) {
      setTold("");
      setFailure(failureOf(error));
    }
    targets.reload();
  };
  const refusalOf = ({ fromEnvironment }: NotificationTarget): string | null =>
    refusal ?? (fromEnvironment ? BY_VARIABLE : null);
  const { kind, target } = doing ?? {};
  return (
    <>
      <div class="actions">
        <Action
          name="New target"
          tone="primary"
          refusal={refusal}
          onClick={() => setDoing({ kind: "new" })}
        />
        <span role="status">{told}</span>
      </div>
      {failure === null ? null : <Notice failure={failure} />}
      <Loaded from={targets}>
        {({ targets: rows }) => (
          <div class="stacked">
            <Rows
              rows={rows}
              keyOf={({ name }) => name}
              empty="Nobody is told yet. Tell a channel or a program of rollbacks, of changes that wait for a second person, and of the weekly review."
              columns={[
                {
                  name: "Target",
                  cell: ({ name, type, address }) => (
                    <>
                      {name} <small>{type}</small> <small class="address">{address}</small>
                    </>
                  ),
                },
                {
                  name: "Hears of",
                  cell: ({ events, features, tags }) => (
                    <>
                      {events === null ? "everything" : events.map(eventText).join(", ")}
                      {features === null ? null : <small>of {features.join(", ")}</small>}
                      {tags === null ? null : <small>of features tagged {tags.join(", ")}</small>}
                    </>
                  ),
                },
                { name: "State", cell: (each) => <State target={each} /> },
                {
                  name: "Do",
                  cell: (each) => (
                    <div class="actions">
                      <Action
                        name={`Test ${each.name}`}
                        refusal={refusal}
                        onClick={() => void tryOut(each)}
                      />
                      <Action
                        name="Change"
                        refusal={refusalOf(each)}
                        onClick={() => setDoing({ kind: "edit", target: each })}
                      />
                      <Action
                        name="Tell again"
                        refusal={refusal}
                        onClick={() => setDoing({ kind: "redeliver", target: each })}
                      />
                      {each.type === "webhook" ? (
                        <Action
                          name="New secret"
                          refusal={refusalOf(each)}
                          onClick={() => setDoing({ kind: "secret", target: each })}
                        />
                      ) : null}
                      <Action
                        name="Remove"
                        tone="bad"
                        refusal={refusalOf(each)}
                        onClick={() => setDoing({ kind: "remove", target: each })}
                      />
                    </div>
                  ),
                },
              ]}
            />
          </div>
        )}
      </Loaded>
      {kind === "new" ? <TargetDialog close={close} /> : null}
      {kind === "edit" && target !== undefined ? <TargetDialog target={target} close={close} /> : null}
      {kind === "secret" && target !== undefined ? <NewSecret target={target} close={close} /> : null}
      {kind === "redeliver" && target !== undefined ? (
        <Redeliver target={target} told={setTold} close={close} />
      ) : null}
      {kind === "remove" && target !== undefined ? <Remove target={target} close={close} /> : null}
    </>
  );
};
