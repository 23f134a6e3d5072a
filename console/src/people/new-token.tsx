// A token is made, shown once, and turned into a link that signs its holder in.
import { useState } from "preact/hooks";
import { createSignInLink, createToken, type NewToken, type SignInLink } from "../client.gen.ts";
import { failureOf, type Failure } from "../api.ts";
import { Ask, Shown } from "../parts/ask.tsx";
import { Notice } from "../parts/notice.tsx";
import { Secret } from "../parts/secret.tsx";
import { Time } from "../parts/time.tsx";

const SCOPES = {
  viewer: "Viewer: reads everything",
  editor: "Editor: changes features",
  admin: "Admin: does everything",
  ingest: "Ingest: sends telemetry and nothing else",
} as const;
type Scope = keyof typeof SCOPES;
const isScope = (text: string): text is Scope => Object.hasOwn(SCOPES, text);

const DAY_MS = 86_400_000;
const wordsOf = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== "");

const Made = ({ token, close }: { token: NewToken; close: () => void }) => {
  const [link, setLink] = useState<SignInLink | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const makeLink = async (): Promise<void> => {
    try {
      // Asked by the token itself: the link may do what the token may, and ends with it.
      setLink(await createSignInLink({ headers: { Authorization: `Bearer ${token.secret}` } }));
      setFailure(null);
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <Shown title={`The token ${token.name}, shown this once`} close={close}>
      <p>Keep it where programs find secrets. Nobody, Sluice included, can show it again.</p>
      <Secret label="Token" secret={token.secret} />
      {token.scope === "ingest" ? null : link === null ? (
        <p>
          <button type="button" onClick={() => void makeLink()}>
            Make a link that signs in with it
          </button>{" "}
          <small>For a person: it works once, within five minutes.</small>
        </p>
      ) : (
        <>
          <Secret label="Sign-in link" secret={link.url} />
          <p>
            It works once, until <Time at={link.expiresAt} />.
          </p>
        </>
      )}
      {failure === null ? null : <Notice failure={failure} />}
    </Shown>
  );
};

export const NewTokenDialog = ({ close }: { close: () => void }) => {
  const [name, setName] = useState("");
  const [scope, setScope] = useState<Scope>("viewer");
  const [tags, setTags] = useState("");
  const [days, setDays] = useState("90");
  const [made, setMade] = useState<NewToken | null>(null);
  if (made !== null) return <Made token={made} close={close} />;
  const make = async (): Promise<false> => {
    const only = wordsOf(tags);
    const token = await createToken({
      name: name.trim(),
      scope,
      tags: only.length === 0 ? null : only,
      expiresAt: Number(days) > 0 ? new Date(Date.now() + Number(days) * DAY_MS).toISOString() : null,
    });
    setMade(token);
    return false;
  };
  return (
    <Ask title="New token" confirm="Make the token" isReady={name.trim() !== ""} run={make} close={close}>
      <label>
        Name
        <input
          required
          maxLength={64}
          placeholder="deploy-pipeline"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <small>Who or what holds it. The audit names it so.</small>
      </label>
      <label>
        May do
        <select
          value={scope}
          onChange={({ currentTarget: { value } }) => {
            if (isScope(value)) setScope(value);
          }}
        >
          {Object.entries(SCOPES).map(([each, words]) => (
            <option key={each} value={each}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <label>
        Only features with one of these tags
        <input
          placeholder="all features"
          value={tags}
          onInput={(event) => setTags(event.currentTarget.value)}
        />
      </label>
      <label>
        Ends after days
        <input
          type="number"
          min={0}
          max={3_650}
          value={days}
          onInput={(event) => setDays(event.currentTarget.value)}
        />
        <small>0: it does not end by itself.</small>
      </label>
    </Ask>
  );
};
