// A target of news is made or changed. Its address and secret are stored, and shown by no answer again.
import { useState } from "preact/hooks";
import {
  createNotificationTarget,
  updateNotificationTarget,
  type NotificationTarget,
} from "../client.gen.ts";
import { Ask, Shown } from "../parts/ask.tsx";
import { SelectField, TextField, wordsOf } from "../parts/fields.tsx";
import { Secret } from "../parts/secret.tsx";
import { EVENTS, isEvent, type EventName } from "./events.ts";

const TYPES = [
  ["webhook", "Webhook: a signed request to a program of yours"],
  ["slack", "Slack: a message in a channel"],
  ["email", "E-mail"],
] as const;
type Type = (typeof TYPES)[number][0];

const NAMES = { webhook: "URL", slack: "Slack's incoming webhook", email: "To" } as const;
const HINTS = {
  webhook: "https, on the port 443 or 8443. Others have to be named in NOTIFY_ALLOW_HOSTS.",
  slack: "From the settings of your Slack app. It is never shown again.",
  email: "Addresses, separated by commas. The origin needs SMTP_URL and SMTP_FROM.",
} as const;

const orNull = <T,>(list: readonly T[]): T[] | null => (list.length === 0 ? null : [...list]);

const Events = ({ chosen, set }: { chosen: readonly EventName[]; set: (events: EventName[]) => void }) => (
  <fieldset class="events">
    <legend>Hears of {chosen.length === 0 ? "everything" : "what is chosen"}</legend>
    {Object.entries(EVENTS).map(([name, words]) => (
      <label key={name} class="check">
        <input
          type="checkbox"
          checked={chosen.some((each) => each === name)}
          onChange={({ currentTarget: { checked } }) => {
            if (isEvent(name)) set(checked ? [...chosen, name] : chosen.filter((each) => each !== name));
          }}
        />
        {words}
      </label>
    ))}
  </fieldset>
);

export const TargetDialog = ({
  target,
  close,
}: {
  /** undefined: a new one. */
  target?: NotificationTarget;
  close: () => void;
}) => {
  const [name, setName] = useState(target?.name ?? "");
  const [type, setType] = useState<Type>(target?.type ?? "webhook");
  const [address, setAddress] = useState("");
  const [events, setEvents] = useState<EventName[]>((target?.events ?? []).filter(isEvent));
  const [tags, setTags] = useState((target?.tags ?? []).join(", "));
  const [features, setFeatures] = useState((target?.features ?? []).join(", "));
  const [isOn, setOn] = useState(target?.enabled ?? true);
  const [secret, setSecret] = useState<string | null>(null);
  if (secret !== null)
    return (
      <Shown title={`The secret of ${name}, shown this once`} close={close}>
        <p>
          Messages are signed with it (Standard Webhooks). Your program checks the signature before it
          believes a message.
        </p>
        <Secret label="Secret" secret={secret} />
      </Shown>
    );
  const save = async (): Promise<boolean> => {
    const choice = {
      events: orNull(events),
      tags: orNull(wordsOf(tags)),
      features: orNull(wordsOf(features)),
      enabled: isOn,
    };
    const given = address.trim();
    if (target !== undefined) {
      const where = given === "" ? {} : type === "email" ? { to: wordsOf(given) } : { url: given };
      await updateNotificationTarget(target.name, `"${target.version}"`, { type, ...where, ...choice });
      return true;
    }
    const made = await createNotificationTarget(
      type === "email"
        ? { name, type, to: wordsOf(given), ...choice }
        : { name, type, url: given, ...choice },
    );
    if (made.secret === null) return true;
    setSecret(made.secret);
    return false;
  };
  return (
    <Ask
      title={target === undefined ? "New target" : `Change ${target.name}`}
      confirm={target === undefined ? "Tell it from now on" : "Save"}
      isReady={name !== "" && (target !== undefined || address.trim() !== "")}
      run={save}
      close={close}
    >
      {target === undefined ? (
        <>
          <TextField label="Name" value={name} set={setName} required placeholder="checkout-team" />
          <SelectField label="Kind" value={type} choices={TYPES} set={setType} />
        </>
      ) : null}
      <TextField
        label={NAMES[type]}
        value={address}
        set={setAddress}
        required={target === undefined}
        placeholder={target === undefined ? "" : `as it is: ${target.address}`}
        hint={HINTS[type]}
      />
      <TextField
        label="Only features with one of these tags"
        value={tags}
        set={setTags}
        placeholder="all features"
      />
      <TextField label="Only these features" value={features} set={setFeatures} placeholder="all features" />
      <Events chosen={events} set={setEvents} />
      <label class="check">
        <input type="checkbox" checked={isOn} onChange={(event) => setOn(event.currentTarget.checked)} />
        Told now
      </label>
    </Ask>
  );
};
