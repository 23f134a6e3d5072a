// A hook is made or changed: whose alerts it takes, and what they may close.
import { useState } from "preact/hooks";
import { createHook, updateHook, type Hook } from "../client.gen.ts";
import { Ask, Shown } from "../parts/ask.tsx";
import { SelectField, TextField, wordsOf } from "../parts/fields.tsx";
import { Copy } from "../parts/copy.tsx";
import { Secret } from "../parts/secret.tsx";
import { hookUrl, SETUPS, SOURCES } from "./sources.tsx";

const MODES = [
  ["shadow", "Shadow: record what alerts would close"],
  ["enforce", "Enforce: close it"],
] as const;

export const Setup = ({ name, source, secret }: Pick<Hook, "name" | "source"> & { secret: string }) => {
  const setup = SETUPS[source];
  const text = setup.text(hookUrl(name), secret);
  return (
    <div class="setup">
      <p>{setup.where}</p>
      <pre tabIndex={0}>{text}</pre>
      <Copy text={text} name="Copy the configuration" />
    </div>
  );
};

export const HookDialog = ({ hook, close }: { hook?: Hook; close: () => void }) => {
  const [name, setName] = useState(hook?.name ?? "");
  const [source, setSource] = useState<Hook["source"]>(hook?.source ?? "alertmanager");
  const [mode, setMode] = useState<Hook["mode"]>(hook?.mode ?? "shadow");
  const [featureId, setFeatureId] = useState(hook?.featureId ?? "");
  const [tag, setTag] = useState(hook?.tag ?? "");
  const [allowedFeatures, setAllowedFeatures] = useState((hook?.allowedFeatures ?? []).join(", "));
  const [allowedTags, setAllowedTags] = useState((hook?.allowedTags ?? []).join(", "));
  const [given, setGiven] = useState("");
  const [secret, setSecret] = useState<string | null>(null);
  if (secret !== null)
    return (
      <Shown title={`The secret of ${name}, shown this once`} close={close}>
        <Secret label="Secret" secret={secret} />
        <Setup name={name} source={source} secret={secret} />
      </Shown>
    );
  const save = async (): Promise<boolean> => {
    const fields = {
      mode,
      featureId: featureId.trim() === "" ? null : featureId.trim(),
      tag: tag.trim() === "" ? null : tag.trim(),
      allowedFeatures: wordsOf(allowedFeatures),
      allowedTags: wordsOf(allowedTags),
    };
    if (hook !== undefined) {
      await updateHook(hook.name, `"${hook.version}"`, fields);
      return true;
    }
    const made = await createHook({
      name,
      source,
      ...fields,
      ...(given.trim() === "" ? {} : { secret: given.trim() }),
    });
    setSecret(made.secret);
    return false;
  };
  const closes =
    featureId.trim() !== ""
      ? `Every alert closes ${featureId.trim()}, and what requires it.`
      : tag.trim() !== ""
        ? `Every alert closes all features tagged ${tag.trim()}, and what requires them.`
        : "An alert names by its labels what it closes, of what is allowed here.";
  return (
    <Ask
      title={hook === undefined ? "New hook" : `Change ${hook.name}`}
      confirm={hook === undefined ? "Make the hook" : "Save"}
      tone={mode === "enforce" ? "bad" : "calm"}
      isReady={name.trim() !== ""}
      run={save}
      close={close}
    >
      {hook === undefined ? (
        <>
          <TextField label="Name" value={name} set={setName} required placeholder="alertmanager" />
          <SelectField label="Alerts come from" value={source} choices={SOURCES} set={setSource} />
        </>
      ) : null}
      <SelectField label="Mode" value={mode} choices={MODES} set={setMode} />
      <TextField
        label="Closes this feature"
        value={featureId}
        set={setFeatureId}
        placeholder="named by the alert"
      />
      <TextField
        label="Closes all features with this tag"
        value={tag}
        set={setTag}
        placeholder="named by the alert"
      />
      <TextField label="An alert may name these features" value={allowedFeatures} set={setAllowedFeatures} />
      <TextField label="An alert may name these tags" value={allowedTags} set={setAllowedTags} />
      {hook === undefined && source === "pagerduty" ? (
        <TextField label="Secret that PagerDuty has made" value={given} set={setGiven} required />
      ) : null}
      <p>
        {closes}{" "}
        {mode === "shadow"
          ? "In shadow nothing is closed: it is recorded."
          : "It closes at once, at every edge. Only a person opens it again."}
      </p>
    </Ask>
  );
};
