import { useState } from "preact/hooks";
import { failureOf, type Failure } from "../api.ts";
import { getPreviewTerms, makePreviewLink } from "../client.gen.ts";
import { Action } from "../parts/action.tsx";
import { Notice } from "../parts/notice.tsx";
import { Loaded } from "../parts/page.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import "./feature.css";

type Link = { readonly url: string; readonly expiresAt: string };

const MINUTES = [
  [15, "15 minutes"],
  [60, "an hour"],
  [1_440, "a day"],
  [10_080, "a week"],
] as const;

const Maker = ({
  featureId,
  site,
  refusal,
}: {
  featureId: string;
  site: string | null;
  refusal: string | null;
}) => {
  const [siteUrl, setSite] = useState(site ?? "");
  const [to, setTo] = useState("/");
  const [minutes, setMinutes] = useState(60);
  const [link, setLink] = useState<Link | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const make = async (): Promise<void> => {
    setFailure(null);
    try {
      setLink(
        await makePreviewLink(featureId, { to, minutes, ...(siteUrl === "" ? {} : { site: siteUrl }) }),
      );
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <div class="card">
      <div class="fields">
        <label>
          Site
          <input type="url" value={siteUrl} onInput={(event) => setSite(event.currentTarget.value)} />
        </label>
        <label>
          Begins at
          <input value={to} onInput={(event) => setTo(event.currentTarget.value)} />
        </label>
        <label>
          Ends after
          <select value={minutes} onChange={(event) => setMinutes(Number(event.currentTarget.value))}>
            {MINUTES.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Action name="Make a preview link" refusal={refusal} onClick={() => void make()} />
      {failure === null ? null : <Notice failure={failure} />}
      {link === null ? null : (
        <p role="status" class="preview-link">
          <a href={link.url} target="_blank" rel="noreferrer">
            {link.url}
          </a>
          <small>
            Until <Time at={link.expiresAt} />, or until the feature is opened again.
          </small>
        </p>
      )}
    </div>
  );
};

/** Where the keys are elsewhere, the page says how to make a link there. */
const Elsewhere = ({ featureId }: { featureId: string }) => (
  <>
    <p class="lead">
      Links are signed with the edge's <code>PREVIEW_KEYS</code>, which this origin does not hold. Make one
      where they are:
    </p>
    <p>
      <code>npx sluice preview {featureId} --site https://your-site.example --minutes 60</code>
    </p>
  </>
);

/** How to see the feature oneself. */
export const PreviewSection = ({ featureId, refusal }: { featureId: string; refusal: string | null }) => {
  const terms = useResource(`preview ${featureId}`, () => getPreviewTerms(featureId), { everyMs: 300_000 });
  return (
    <section aria-labelledby="preview">
      <h2 id="preview">See it yourself</h2>
      <p class="lead">
        A preview link shows the feature open to everybody who follows it, whatever its state, and counts
        nobody.
      </p>
      <Loaded from={terms}>
        {({ isAvailable, site }) =>
          isAvailable ? (
            <Maker key={featureId} featureId={featureId} site={site} refusal={refusal} />
          ) : (
            <Elsewhere featureId={featureId} />
          )
        }
      </Loaded>
    </section>
  );
};
