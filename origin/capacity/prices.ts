// Prices in US dollars. Cloudflare's are those of its public pages; look there before you count on them. The prices of machines
// are those of the table in the article that Sluice follows, so that its sum and ours can be compared.

export type Tariff = { readonly included: number; readonly perMillion: number };

export type Prices = {
  readonly source: string;
  readonly cloudflare: {
    readonly planPerMonth: number;
    readonly requests: Tariff;
    readonly cpuMs: Tariff;
    readonly objectRequests: Tariff;
    readonly objectGbSeconds: Tariff;
    readonly kvReads: Tariff;
    readonly kvWrites: Tariff;
    readonly queueOperations: Tariff;
  };
  /** A month of one machine of 8 cores and 16 GB, one database server of 4 cores and 32 GB, one Redis node. */
  readonly machine: number;
  readonly databaseServer: number;
  readonly redisNode: number;
};

export const PRICES: Prices = {
  source:
    "Cloudflare's pages on prices of Workers, Durable Objects, KV and Queues (developers.cloudflare.com), as quoted by others " +
    "between 2026-08-03 and 2026-10-07; machines by the article's table",
  cloudflare: {
    planPerMonth: 5,
    requests: { included: 10e6, perMillion: 0.3 },
    cpuMs: { included: 30e6, perMillion: 0.02 },
    objectRequests: { included: 1e6, perMillion: 0.15 },
    objectGbSeconds: { included: 400_000, perMillion: 12.5 },
    kvReads: { included: 10e6, perMillion: 0.5 },
    kvWrites: { included: 1e6, perMillion: 5 },
    queueOperations: { included: 1e6, perMillion: 0.4 },
  },
  machine: 200,
  databaseServer: 300,
  redisNode: 800 / 6,
};

/** The article's table, dollars a month, at its 50,000 spans a second. */
export const ARTICLE_COSTS = {
  spansPerSecond: 50_000,
  postgres: 1_200,
  redis: 800,
  compute: 600,
  collector: 300,
  total: 2_900,
} as const;
