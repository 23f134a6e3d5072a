// The answer of explain as a page, for a developer who looks at a site through the gate: on its own, or in a frame over the
// site's page. It answers in order: who am I here, what do I get and why, what would change it.
import type { Explanation, VisitorExplanation } from "./explanation.ts";
import { escape } from "./own-page.ts";

const STATES = {
  open: "open",
  closed: "closed for everybody",
  stale: "closed while the snapshot is stale",
} as const satisfies Record<Explanation["state"], string>;

const COHORTS = {
  treatment: "treatment (gets the feature)",
  holdout: "holdout (kept without it, compared)",
  off: "off (not reached)",
} as const satisfies Record<Explanation["cohort"], string>;

const fact = (name: string, value: string): string => `<dt>${name}</dt><dd>${value}</dd>`;

const badge = ({ open, why }: Explanation): string => {
  if (why === "preview") return `<span class="badge warn">! You get it by a preview</span>`;
  return open
    ? `<span class="badge good">✓ You get it</span>`
    : `<span class="badge">○ You do not get it</span>`;
};

const card = (explanation: Explanation): string => {
  const { featureId, state, cohort, bucket, reason, change } = explanation;
  return `<li class="card" data-feature="${escape(featureId)}"><header>${badge(explanation)}<h3><code>${escape(featureId)}</code></h3></header>
<dl class="facts">${fact("Why", escape(reason))}${fact("The feature is", STATES[state])}${fact("Your cohort", COHORTS[cohort])}${fact("Your bucket", bucket === null ? "none" : `${bucket} of 0 to 9999`)}${fact("What would change it", escape(change))}</dl></li>`;
};

const who = ({ unit, user, known, captchaScore, revision }: VisitorExplanation): string =>
  `<dl class="facts">${fact(
    "Visitor",
    unit === null ? "nobody: no cookie came with the request" : `<code>${escape(unit)}</code>, by the cookie`,
  )}${fact("User", user === null ? "nobody is signed in" : `<code>${escape(user)}</code>`)}${
    captchaScore === null ? "" : fact("Captcha score", String(captchaScore))
  }${fact("Recognised", known ? "yes" : "no: only what is open to everybody is listed")}${fact("Revision", String(revision))}</dl>`;

const endPreview = (features: readonly Explanation[]): string => {
  const previewed = features.find(({ why }) => why === "preview");
  return previewed === undefined
    ? ""
    : `<p class="notice" role="status">You look at a preview of <code>${escape(previewed.featureId)}</code>. Nothing of it is counted. <a href="/.sluice/preview/end?to=/.sluice/overlay">End the preview</a></p>`;
};

/** `path`: the page of the site that the answer is for; empty: any page. */
export const renderOverlay = (explained: VisitorExplanation, path: string): string =>
  `${endPreview(explained.features)}<h2>Who you are here</h2>
<div class="card">${who(explained)}
<form><label>Page of the site <input name="path" value="${escape(path)}" placeholder="any page"></label> <button>Ask about this page</button></form></div>
<h2>What you get, why, and what would change it</h2>
${explained.features.length === 0 ? '<p class="card">No feature is listed for you.</p>' : `<ul class="features">${explained.features.map(card).join("\n")}</ul>`}`;
