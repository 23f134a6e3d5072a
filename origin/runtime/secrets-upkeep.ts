// Keeps stored secrets as the keys of this process say: what is in plain text, or encrypted with an older key, is encrypted again.
// It is said in the log and by `sluice doctor` what is in plain text, and what this process cannot read.
import type { Finding, HealthCheck } from "./health.ts";
import { startPeriodicTask, type PeriodicTask } from "./periodic-task.ts";
import type { SecretHolder, StoredSecretFact, StoredSecrets } from "./stored-secrets.ts";

const EVERY_MS = 60_000;
const MAKE_ONE = 'echo "k1:$(openssl rand -base64 32)"';

const allFacts = async (holders: readonly SecretHolder[]): Promise<StoredSecretFact[]> =>
  (await Promise.all(holders.map(({ facts }) => facts()))).flat();

const namesOf = (facts: readonly StoredSecretFact[]): string =>
  [...new Set(facts.map(({ row }) => row))].join(", ");

/** `encrypts`: whether this process has a key. Pure. */
export const storedSecretFindings = (facts: readonly StoredSecretFact[], encrypts: boolean): Finding[] => {
  const problems = facts.flatMap(({ problem }) => (problem === null ? [] : [problem]));
  const plain = facts.filter(({ kid }) => kid === null);
  const kids = [...new Set(facts.flatMap(({ kid }) => (kid === null ? [] : [kid])))].toSorted();
  return [
    ...problems.map((problem): Finding => ({
      status: "failing",
      subject: "ENCRYPTION_KEYS",
      summary: problem,
      todo: "give every origin the key again; without it, make the target or the hook's secret anew",
    })),
    ...(plain.length === 0
      ? []
      : [
          {
            status: "warning" as const,
            subject: "ENCRYPTION_KEYS",
            summary: `stored in plain text, and so in every backup: ${namesOf(plain)}`,
            todo: encrypts
              ? "it is encrypted within a minute; else see the origin's log"
              : `set ENCRYPTION_KEYS at every origin, once all have this version: ${MAKE_ONE}`,
          },
        ]),
    ...(problems.length + plain.length > 0
      ? []
      : [
          {
            status: "ok" as const,
            summary:
              kids.length === 0
                ? "the database has no secret of a hook or notification target"
                : `secrets of hooks and notification targets are encrypted with ${kids.join(", ")}`,
          },
        ]),
  ];
};

export const storedSecretChecks = (
  holders: readonly SecretHolder[],
  secrets: StoredSecrets,
): readonly HealthCheck[] => [
  { id: "storedSecrets", run: async () => storedSecretFindings(await allFacts(holders), secrets.encrypts) },
];

/** Looks at once, and then every minute. */
export const startSecretsUpkeep = ({
  holders,
  secrets,
  log,
  everyMs = EVERY_MS,
}: {
  holders: readonly SecretHolder[];
  secrets: StoredSecrets;
  log: Record<"info" | "warn" | "error", (facts: object, message: string) => void>;
  everyMs?: number;
}): PeriodicTask => {
  /** Each problem is said once. */
  const said = new Set<string>();
  const sayOnce = (text: string, say: () => void): void => {
    if (!said.has(text)) say();
    said.add(text);
  };
  return startPeriodicTask({
    firstAfterMs: 0,
    everyMs,
    run: async () => {
      let count = 0;
      if (secrets.encrypts) for (const { rewrite } of holders) count += await rewrite();
      if (count > 0)
        log.info({ rows: count }, "stored secrets were encrypted with the first key of ENCRYPTION_KEYS");
      const facts = await allFacts(holders);
      for (const { problem } of facts)
        if (problem !== null)
          sayOnce(problem, () => log.error({}, `a stored secret cannot be used: ${problem}`));
      const plain = facts.filter(({ kid }) => kid === null);
      if (!secrets.encrypts && plain.length > 0)
        sayOnce("plain", () =>
          log.warn(
            { rows: namesOf(plain) },
            `secrets are stored in plain text, and so in every backup; set ENCRYPTION_KEYS: ${MAKE_ONE}`,
          ),
        );
    },
    onError: (error) =>
      log.warn({ err: error }, "stored secrets could not be looked at; it is tried again in a minute"),
  });
};
