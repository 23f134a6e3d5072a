// The secrets of all hooks: which key they are encrypted with, and encrypted again with the first one.
import type { Queryable } from "../db/pool.ts";
import { keyOfStored, type SecretHolder, type StoredSecrets } from "../runtime/stored-secrets.ts";
import { rowOfHook } from "./locked-secrets.ts";

type Row = { name: string; secret: Buffer; oldSecret: Buffer | null };

/** Only where the sender signs: of shown secrets there are digests. */
const readRows = async (db: Queryable): Promise<Row[]> => {
  const { rows } = await db.query<Row>(
    `select name, secret, old_secret as "oldSecret" from alert_hooks where authentication = 'signature' order by name`,
  );
  return rows;
};

const storedOf = ({ secret, oldSecret }: Row): Buffer[] =>
  oldSecret === null ? [secret] : [secret, oldSecret];

export const makeHookSecrets = (db: Queryable, secrets: StoredSecrets): SecretHolder => {
  const rewritten = (stored: Buffer, row: string): Buffer => {
    if (secrets.isCurrent(stored)) return stored;
    const read = secrets.read(stored, row);
    return read.ok ? secrets.toStore(read.value, row) : stored;
  };
  return {
    facts: async () =>
      (await readRows(db)).flatMap((found) =>
        storedOf(found).map((stored) => {
          const row = rowOfHook(found.name);
          const read = secrets.read(stored, row);
          return { row, kid: keyOfStored(stored), problem: read.ok ? null : read.error };
        }),
      ),
    rewrite: async () => {
      let count = 0;
      for (const { name, secret, oldSecret } of await readRows(db)) {
        const row = rowOfHook(name);
        const [next, oldNext] = [
          rewritten(secret, row),
          oldSecret === null ? null : rewritten(oldSecret, row),
        ];
        if (next === secret && oldNext === oldSecret) continue;
        // A secret that was replaced meanwhile stays. The version stays, too: nothing has changed for anybody.
        const { rowCount } = await db.query(
          `update alert_hooks set secret = $2, old_secret = $3
           where name = $1 and secret = $4 and old_secret is not distinct from $5`,
          [name, next, oldNext, secret, oldSecret],
        );
        count += rowCount ?? 0;
      }
      return count;
    },
  };
};
