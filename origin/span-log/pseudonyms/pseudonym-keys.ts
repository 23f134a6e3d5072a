// Which key names the units of an epoch. The database remembers it, so that every ingest process uses the same one for as long
// as the epoch lives; a new first key of PSEUDONYM_KEYS is for epochs that begin later.
import { randomBytes } from "node:crypto";
import type { KeyRing } from "../../../shared/signing/key-ring.ts";
import type { Queryable } from "../../db/pool.ts";
import { pseudonymKey, type PseudonymKey } from "./pseudonym.ts";

/** The key that the database keeps, where none is configured. */
const KEPT_KID = "kept-in-database";

export type EpochName = { readonly featureId: string; readonly epoch: number };
/** null: the epoch's units are stored by their ids. `missing`: this process lacks the epoch's key, of that name. */
export type EpochPseudonyms = PseudonymKey | null | { readonly missing: string };

export type PseudonymKeys = {
  /** The keys of these epochs, in their order. An epoch that has none yet gets one here. */
  readonly of: (epochs: readonly EpochName[]) => Promise<EpochPseudonyms[]>;
  /** Whether this process lacks the key of this name. */
  readonly lacks: (kid: string) => Promise<boolean>;
  /** The keys that units may be named with, and the names of those that kept epochs have and this process lacks. */
  readonly known: () => Promise<{ keys: PseudonymKey[]; lacking: string[] }>;
  /** Throws when a configured key is another one than the key of its name that units were stored with. */
  readonly verify: () => Promise<void>;
};

type KeyRow = { kid: string; fingerprint: string; secret: string | null };

export class PseudonymKeyError extends Error {
  override readonly name = "PseudonymKeyError";
  constructor(kid: string, problem: string) {
    super(`PSEUDONYM_KEYS ${problem}: ${kid}`);
  }
}

export const lacksKey = (kid: string): PseudonymKeyError =>
  new PseudonymKeyError(kid, "lacks the key with which units are stored");

/** `keys`: PSEUDONYM_KEYS. `naming`: UNIT_IDS, for epochs that begin from now on. */
export const makePseudonymKeys = (options: {
  db: Queryable;
  keys: KeyRing | undefined;
  naming: "pseudonymous" | "raw";
}): PseudonymKeys => {
  const { db, naming } = options;
  const configured = (options.keys ?? []).map(pseudonymKey);
  /** Those that the database knows to be the ones of their names. */
  const admitted = new Map<string, PseudonymKey>();

  /** Notes the key as used; returns what is noted of its name, which another process may have written first. */
  const note = async ({ kid, fingerprint, secret }: KeyRow): Promise<KeyRow> => {
    await db.query(
      "insert into pseudonym_keys (kid, fingerprint, secret) values ($1, $2, $3) on conflict do nothing",
      [kid, fingerprint, secret],
    );
    const { rows } = await db.query<KeyRow>(
      "select kid, fingerprint, secret from pseudonym_keys where kid = $1",
      [kid],
    );
    if (rows[0] === undefined) throw new Error("unreachable: the key was noted");
    return rows[0];
  };

  const admit = async (key: PseudonymKey): Promise<PseudonymKey> => {
    const noted = await note({ ...key, secret: null });
    if (noted.fingerprint !== key.fingerprint)
      throw new PseudonymKeyError(
        key.kid,
        "has another key of a name that units were stored with; give the new key a new name",
      );
    return key;
  };

  const keptKey = async (): Promise<PseudonymKey> => {
    const secret = randomBytes(32).toString("base64url");
    const { fingerprint } = pseudonymKey({ kid: KEPT_KID, secret });
    const noted = await note({ kid: KEPT_KID, fingerprint, secret });
    if (noted.secret === null) throw lacksKey(KEPT_KID);
    return pseudonymKey({ kid: KEPT_KID, secret: noted.secret });
  };

  const find = async (kid: string): Promise<PseudonymKey | { readonly missing: string }> => {
    const known = admitted.get(kid);
    if (known !== undefined) return known;
    const ours = configured.find((key) => key.kid === kid);
    if (ours === undefined && kid !== KEPT_KID) return { missing: kid };
    const key = await (ours === undefined ? keptKey() : admit(ours));
    admitted.set(kid, key);
    return key;
  };

  /** The key for epochs that begin now. */
  const newestKid = async (): Promise<string | null> => {
    if (naming === "raw") return null;
    const kid = configured[0]?.kid ?? KEPT_KID;
    await find(kid);
    return kid;
  };

  return {
    of: async (epochs) => {
      if (epochs.length === 0) return [];
      const names = [epochs.map(({ featureId }) => featureId), epochs.map(({ epoch }) => epoch)];
      await db.query({
        name: "name-epochs",
        text: `
          insert into epoch_pseudonyms (feature_id, epoch, kid)
          select w.feature_id, w.epoch, case when f.epoch_started_at < b.at then null else $3 end
          from unnest($1::text[], $2::integer[]) w(feature_id, epoch)
          cross join pseudonyms_begin b
          left join feature_flags f on f.feature_id = w.feature_id and f.epoch = w.epoch
          on conflict do nothing`,
        values: [...names, await newestKid()],
      });
      // Apart, because the first statement does not see the row that another process has written meanwhile.
      const { rows } = await db.query<{ kid: string | null }>({
        name: "epoch-pseudonyms",
        text: `
          select e.kid
          from unnest($1::text[], $2::integer[]) with ordinality w(feature_id, epoch, place)
          join epoch_pseudonyms e using (feature_id, epoch)
          order by w.place`,
        values: names,
      });
      if (rows.length < epochs.length) throw new Error("epochs were pruned while their pseudonyms were read");
      const keys: EpochPseudonyms[] = [];
      for (const { kid } of rows) keys.push(kid === null ? null : await find(kid));
      return keys;
    },
    lacks: async (kid) => "missing" in (await find(kid)),
    known: async () => {
      const { rows } = await db.query<{ kid: string; isKept: boolean }>(
        `select kid, exists (select from epoch_pseudonyms e where e.kid = k.kid) as "isKept"
         from pseudonym_keys k order by made_at`,
      );
      const keys: PseudonymKey[] = [];
      const lacking: string[] = [];
      for (const { kid, isKept } of rows) {
        const key = await find(kid);
        if (!("missing" in key)) keys.push(key);
        else if (isKept) lacking.push(key.missing);
      }
      return { keys, lacking };
    },
    verify: async () => {
      const { rows } = await db.query<{ kid: string }>("select kid from pseudonym_keys where kid = any($1)", [
        configured.map(({ kid }) => kid),
      ]);
      for (const { kid } of rows) await find(kid);
    },
  };
};
