/** What the audit names beside features, `hook:pager`, and where each of its kind is. */
const PAGES: Readonly<Record<string, string>> = {
  hook: "/hooks",
  policy: "/approvals",
  segment: "/segments",
  target: "/hooks",
  token: "/tokens",
};

const addressOf = (featureId: string): string =>
  PAGES[/^(\w+):/.exec(featureId)?.[1] ?? ""] ?? `/features/${encodeURIComponent(featureId)}`;

/** `featureId`: as an entry of the audit has it. */
export const FeatureLink = ({ featureId }: { featureId: string }) =>
  featureId === "unit" ? <>a unit</> : <a href={addressOf(featureId)}>{featureId}</a>;
