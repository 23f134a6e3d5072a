// The secrets of all notification targets: which key they are encrypted with, and encrypted again with the first one.
import type { Queryable } from "../db/pool.ts";
import type { SecretHolder, StoredSecrets } from "../runtime/stored-secrets.ts";
import { isCurrentChannel, keyOfChannel, readChannel, rowOfTarget, storedChannel } from "./stored-channel.ts";

type Row = { name: string; config: unknown };

/** What a variable makes has no secret in the database, and a mailbox none at all. */
const readRows = async (db: Queryable): Promise<Row[]> => {
  const { rows } = await db.query<Row>(
    "select name, config from notification_targets where not from_environment and type <> 'email' order by name",
  );
  return rows;
};

export const makeTargetSecrets = (db: Queryable, secrets: StoredSecrets): SecretHolder => ({
  facts: async () =>
    (await readRows(db)).map(({ name, config }) => {
      const { channel } = readChannel(secrets, name, config);
      return {
        row: rowOfTarget(name),
        kid: keyOfChannel(config),
        problem: channel.ok ? null : channel.error,
      };
    }),
  rewrite: async () => {
    let count = 0;
    for (const { name, config } of await readRows(db)) {
      const { channel } = readChannel(secrets, name, config);
      if (!channel.ok || isCurrentChannel(secrets, config)) continue;
      const next = storedChannel(secrets, name, channel.value);
      // An address that was changed meanwhile stays. The version stays, too: nothing has changed for anybody.
      const { rowCount } = await db.query(
        "update notification_targets set type = $2, config = $3::jsonb where name = $1 and config = $4::jsonb",
        [name, next.type, next.config, JSON.stringify(config)],
      );
      count += rowCount ?? 0;
    }
    return count;
  },
});
