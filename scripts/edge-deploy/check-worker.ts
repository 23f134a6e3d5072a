// What a Worker's configuration lacks, told before it is uploaded. Pure.
import { parseConfig, Variables } from "../../edge/config.ts";
import { variableErrorText } from "../../shared/variables.ts";

/** Of wrangler's description of a configuration what is looked at here. */
export type WorkerConfig = {
  readonly vars: Readonly<Record<string, unknown>>;
  readonly kvBindings: readonly string[];
  /** Class by binding. */
  readonly durableObjects: Readonly<Record<string, string>>;
  /** Classes that a migration has made. */
  readonly migratedClasses: readonly string[];
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  /** Whether it runs on a route before the zone's own server. */
  readonly hasRoute: boolean;
};

/** What the Worker gets as secrets. */
export type Secrets =
  | { readonly known: "values"; readonly values: Readonly<Record<string, string>> }
  /** Cloudflare tells their names alone. */
  | { readonly known: "names"; readonly names: readonly string[] };

const SECRETS = ["COOKIE_KEYS", "PUSH_KEYS", "PREVIEW_KEYS", "SERVER_KEYS", "INGEST_TOKEN", "CAPTCHA_SECRET"];
const NEEDED_SECRETS = ["COOKIE_KEYS", "PUSH_KEYS"];

/** Stands for a secret whose value nobody can read: each is another, since two must not be alike. */
const standIn = (name: string): string =>
  `unknown:${name.toLowerCase()}-is-a-secret-that-the-worker-has-already`;

const bindingProblems = (config: WorkerConfig, own: WorkerConfig): string[] => [
  ...own.kvBindings
    .filter((binding) => !config.kvBindings.includes(binding))
    .map((binding) => `KV binding ${binding} is missing: add [[kv_namespaces]] with binding = "${binding}"`),
  ...Object.entries(own.durableObjects).flatMap(([binding, className]) => {
    const found = config.durableObjects[binding];
    if (found === className) return [];
    return found === undefined
      ? [
          `Durable Object binding ${binding} is missing: add [[durable_objects.bindings]] with name = "${binding}" and class_name = "${className}"`,
        ]
      : [`Durable Object binding ${binding} must be of the class ${className}, not ${found}`];
  }),
  ...own.migratedClasses
    .filter((className) => !config.migratedClasses.includes(className))
    .map((className) => `no migration makes ${className}: add it to new_sqlite_classes of [[migrations]]`),
];

const platformProblems = (config: WorkerConfig, own: WorkerConfig): string[] => [
  ...own.compatibilityFlags
    .filter((flag) => !config.compatibilityFlags.includes(flag))
    .map((flag) => `compatibility_flags lacks ${flag}`),
  ...(config.compatibilityDate < own.compatibilityDate
    ? [`compatibility_date must be ${own.compatibilityDate} or later, not ${config.compatibilityDate}`]
    : []),
];

const variableProblems = (config: WorkerConfig, secrets: Secrets): string[] => {
  const values =
    secrets.known === "values"
      ? secrets.values
      : Object.fromEntries(secrets.names.map((name) => [name, standIn(name)]));
  const inPlain = SECRETS.filter((name) => Object.hasOwn(config.vars, name));
  const all: Readonly<Record<string, unknown>> = { ...config.vars, ...values };
  const missing = NEEDED_SECRETS.filter((name) => (all[name] ?? "") === "");
  const parsed = parseConfig(all);
  const wrong = parsed.ok ? [] : parsed.error.filter(({ variable }) => !missing.includes(variable));
  const isSet = (name: string): boolean => (all[name] ?? "") !== "";
  return [
    ...inPlain.map((name) => `${name} is a secret: take it out of [vars], where everybody can read it`),
    ...missing.map((name) => `secret ${name} is missing: put it into the file of --secrets`),
    ...wrong.map(variableErrorText),
    ...(isSet("ORIGIN_URL") && !isSet("INGEST_TOKEN")
      ? ["secret INGEST_TOKEN is missing: the origin at ORIGIN_URL takes no telemetry without it"]
      : []),
    ...(!isSet("UPSTREAM_URL") && !config.hasRoute
      ? ["UPSTREAM_URL is empty and there is no route: the Worker has no site behind it"]
      : []),
    ...Object.keys(all)
      .filter((name) => !Object.hasOwn(Variables.shape, name))
      .map((name) => `${name} is no variable of the Worker`),
  ];
};

/** One line for each; none: it can be deployed. `own`: the configuration that comes with this version. */
export const workerProblems = (config: WorkerConfig, own: WorkerConfig, secrets: Secrets): string[] => [
  ...bindingProblems(config, own),
  ...platformProblems(config, own),
  ...variableProblems(config, secrets),
];
