// Whether secrets are strong and kept apart, tokens live on, and people are named in the audit.
import type { Pool } from "../db/pool.ts";
import type { Finding, HealthCheck } from "../runtime/health.ts";

/** 32 characters of base64 have 192 bits. */
const MIN_LENGTH = 32;
/** Fewer different characters are a word or a key on the keyboard. */
const MIN_DIFFERENT = 10;
const EXPIRES_SOON_DAYS = 14;
const AUDIT_ROWS = 500;

export type Secrets = Readonly<Record<string, readonly string[]>>;

/** `secrets`: those of each variable that is set. Nothing of a secret is in what is found. Pure. */
export const secretFindings = (secrets: Secrets): Finding[] => {
  const owners = new Map<string, string>();
  const found: Finding[] = [];
  for (const [name, values] of Object.entries(secrets))
    for (const secret of values) {
      if (secret.length < MIN_LENGTH || new Set(secret).size < MIN_DIFFERENT)
        found.push({
          status: "warning",
          subject: name,
          summary: `holds a secret of ${secret.length} characters that can be guessed`,
          todo: "make another: openssl rand -base64 32",
        });
      const owner = owners.get(secret);
      if (owner !== undefined && owner !== name)
        found.push({
          status: "failing",
          subject: name,
          summary: `holds the secret of ${owner}: whoever needs one has the other`,
          todo: "give each variable a secret of its own",
        });
      owners.set(secret, name);
    }
  return found;
};

const expiryFindings = async (pool: Pool): Promise<Finding[]> => {
  const { rows } = await pool.query<{ name: string; expiresAt: Date; over: boolean }>(
    `select name, expires_at as "expiresAt", expires_at < now() as over from api_tokens
     where revoked_at is null and expires_at < now() + make_interval(days => $1)
       and (expires_at > now() or last_used_at > now() - interval '30 days')
     order by expires_at`,
    [EXPIRES_SOON_DAYS],
  );
  return rows.map(({ name, expiresAt, over }) => ({
    status: "warning",
    subject: name,
    summary: `the token ${over ? "expired" : "expires"} on ${expiresAt.toISOString().slice(0, 10)}`,
    todo: "make its holder another with `npx sluice tokens create`, and revoke this one",
  }));
};

const bootstrapFindings = async (pool: Pool): Promise<Finding[]> => {
  const { rows } = await pool.query<{ changes: number; newest: Date | null }>(
    `select count(*)::integer as changes, max(at) as newest
     from (select actor, at from rollback_audit order by seq desc limit $1) recent
     where actor = 'admin' and at > now() - interval '7 days'`,
    [AUDIT_ROWS],
  );
  const { changes = 0, newest = null } = rows[0] ?? {};
  if (changes === 0 || newest === null) return [];
  return [
    {
      status: "warning",
      subject: "ADMIN_TOKEN",
      summary: `made ${changes} changes in a week, the last one on ${newest.toISOString().slice(0, 16)}Z; the audit names nobody for them`,
      todo: "make a token for each person and pipeline with `npx sluice tokens create NAME --scope editor`",
    },
  ];
};

export const countIngestTokens = async (pool: Pool): Promise<number> => {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::integer as count from api_tokens
     where scope = 'ingest' and revoked_at is null and (expires_at is null or expires_at > now())`,
  );
  return rows[0]?.count ?? 0;
};

const metricsFindings = ({ METRICS_TOKEN: tokens = [] }: Secrets, isReachable: boolean): Finding[] =>
  isReachable && tokens.length === 0
    ? [
        {
          status: "warning",
          subject: "METRICS_TOKEN",
          summary:
            "is not set: whoever reaches this origin reads /metrics, with the names of features and edges",
          todo: "set it here and at Prometheus: openssl rand -base64 32",
        },
      ]
    : [];

/** `isReachable`: others than programs of this machine reach the origin. */
export const accessChecks = (options: {
  pool: Pool;
  secrets: Secrets;
  isReachable: boolean;
}): readonly HealthCheck[] => [
  {
    id: "secrets",
    run: async () => {
      const { secrets, isReachable } = options;
      const found = [...secretFindings(secrets), ...metricsFindings(secrets, isReachable)];
      return found.length > 0
        ? found
        : [{ status: "ok", summary: "the origin's secrets are strong and kept apart" }];
    },
  },
  {
    id: "tokens",
    run: async () => {
      const found = [...(await expiryFindings(options.pool)), ...(await bootstrapFindings(options.pool))];
      return found.length > 0
        ? found
        : [{ status: "ok", summary: "no token is about to expire, and changes are made by named tokens" }];
    },
  },
];
