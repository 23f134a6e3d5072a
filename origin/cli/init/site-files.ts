// The files of a new site: the Worker's configuration for its zone, and secrets for Worker and origin. Pure.

export type Site = {
  /** As visitors see it, without a path: https://shop.example */
  readonly url: string;
  readonly zone: string;
  /** Where the site's own server is; null: behind the zone, where the Worker runs on a route. */
  readonly upstreamUrl: string | null;
  /** Where the Worker and people reach the origin. */
  readonly originUrl: string;
  /** null: the first deployment makes a namespace. */
  readonly kvNamespaceId: string | null;
};

/** Random bytes as text, a new one at each call. */
export type NewSecret = () => string;

export type SiteFile = {
  /** Within the site's folder. */
  readonly name: string;
  readonly text: string;
  readonly isSecret: boolean;
};

const quoted = (text: string): string => JSON.stringify(text);

/** Lines of the Worker's own configuration that hold for every site. */
const sharedLines = (template: string): readonly string[] =>
  template
    .split("\n")
    .filter((line) => /^(?:compatibility_date|compatibility_flags|keep_names) = /.test(line));

/** The Worker's entry, from the folder of the configuration. */
export const mainOf = (template: string): string => {
  const [, main] = /^main = "(.+)"$/m.exec(template) ?? [];
  if (main === undefined) throw new Error("wrangler.toml names no main");
  return main;
};

/** From the first table that binds Durable Objects up to the commented queues. */
const durableObjects = (template: string): string =>
  /^\[\[durable_objects\.bindings\]\][\s\S]*?(?=^# |(?![\s\S]))/m.exec(template)?.[0].trimEnd() ?? "";

/** `template`: the repository's wrangler.toml. `main`: the way from the site's folder to the Worker. */
export const wranglerToml = (site: Site, template: string, main: string): string => {
  const host = new URL(site.url).hostname;
  return [
    `# The Worker before ${site.url}, made by \`npx sluice init\`. docs/before-a-site.md explains each line.`,
    `name = ${quoted(`sluice-${host.replaceAll(/[^a-z0-9]+/g, "-")}`.slice(0, 63))}`,
    `main = ${quoted(main)}`,
    ...sharedLines(template),
    `routes = [{ pattern = ${quoted(`${host}/*`)}, zone_name = ${quoted(site.zone)} }]`,
    "workers_dev = false",
    "",
    "[vars]",
    `UPSTREAM_URL = ${quoted(site.upstreamUrl ?? "")}`,
    `ORIGIN_URL = ${quoted(site.originUrl)}`,
    "",
    "[[kv_namespaces]]",
    'binding = "FEATURES"',
    ...(site.kvNamespaceId === null ? [] : [`id = ${quoted(site.kvNamespaceId)}`]),
    "",
    durableObjects(template),
    "",
  ].join("\n");
};

const environmentText = (variables: Readonly<Record<string, string>>): string =>
  Object.entries(variables)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");

export const siteFiles = (
  site: Site,
  { template, main, newSecret }: { template: string; main: string; newSecret: NewSecret },
): readonly SiteFile[] => {
  const newKey = (): string => `k1:${newSecret()}`;
  const shared = { PUSH_KEYS: newKey(), INGEST_TOKEN: newSecret() };
  const ofWorker = {
    COOKIE_KEYS: newKey(),
    ...shared,
    PREVIEW_KEYS: newKey(),
    SERVER_KEYS: newKey(),
  };
  const ofOrigin = {
    EDGE_URLS: site.url,
    PUBLIC_URL: site.originUrl,
    ...shared,
    ADMIN_TOKEN: newSecret(),
    PSEUDONYM_KEYS: newKey(),
    ENCRYPTION_KEYS: newKey(),
  };
  return [
    // First, so that no secret lies beside it without it.
    { name: ".gitignore", text: "# Secrets.\n*.env\n", isSecret: false },
    { name: "wrangler.toml", text: wranglerToml(site, template, main), isSecret: false },
    { name: "worker.env", text: environmentText(ofWorker), isSecret: true },
    { name: "origin.env", text: environmentText(ofOrigin), isSecret: true },
  ];
};
