// Secrets that the database has to keep in a form that can be used again: encrypted with AES-256-GCM, under a key of
// ENCRYPTION_KEYS. The first key encrypts, all decrypt. Each value names its key, and is tied to its row: moved into another one it
// cannot be decrypted. Without keys secrets are stored as they are, and what is stored so can always be read.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import type { KeyRing } from "../../shared/signing/key-ring.ts";
import { err, ok, type Result } from "../../shared/result.ts";

/** No secret begins so: those that people choose are printable. */
const MARK = Buffer.from("\0sluice\u0001");
/** Of GCM (NIST SP 800-38D, 8.2.2): random, so one key encrypts 2³² values safely. */
const IV_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = "aes-256-gcm";

export type StoredSecrets = {
  /** Whether there is a key to encrypt with. */
  readonly encrypts: boolean;
  /** `row` names the row that has the value. */
  readonly toStore: (secret: Uint8Array, row: string) => Buffer;
  /** What is stored in plain text is handed back. An error names ENCRYPTION_KEYS and nothing of the secret. */
  readonly read: (stored: Uint8Array, row: string) => Result<Buffer, string>;
  /** Whether `toStore` would store it so today: with the first key, or in plain text where there is none. */
  readonly isCurrent: (stored: Uint8Array) => boolean;
};

type Envelope = {
  readonly kid: string;
  readonly head: Buffer;
  readonly iv: Buffer;
  readonly tag: Buffer;
  readonly text: Buffer;
};

/** null: stored in plain text. */
const openEnvelope = (stored: Uint8Array): Envelope | null => {
  const bytes = Buffer.from(stored);
  if (!bytes.subarray(0, MARK.length).equals(MARK)) return null;
  const kidEnd = MARK.length + 1 + (bytes[MARK.length] ?? 0);
  if (bytes.length < kidEnd + IV_BYTES + TAG_BYTES) return null;
  return {
    kid: bytes.toString("latin1", MARK.length + 1, kidEnd),
    head: bytes.subarray(0, kidEnd),
    iv: bytes.subarray(kidEnd, kidEnd + IV_BYTES),
    tag: bytes.subarray(kidEnd + IV_BYTES, kidEnd + IV_BYTES + TAG_BYTES),
    text: bytes.subarray(kidEnd + IV_BYTES + TAG_BYTES),
  };
};

/** The name of the key that a value is encrypted with; null: it is stored in plain text. */
export const keyOfStored = (stored: Uint8Array): string | null => openEnvelope(stored)?.kid ?? null;

/** What a row has: with which key, and why this process cannot read it. */
export type StoredSecretFact = {
  readonly row: string;
  /** null: in plain text */
  readonly kid: string | null;
  readonly problem: string | null;
};

/** A table that keeps secrets. */
export type SecretHolder = {
  readonly facts: () => Promise<StoredSecretFact[]>;
  /** Stores again what would be stored in another way today. Resolves to the number of rows. What cannot be read stays as it is. */
  readonly rewrite: () => Promise<number>;
};

/** Of the key's name and the row. */
const associated = (head: Uint8Array, row: string): Buffer => Buffer.concat([head, Buffer.from(row)]);

/** `storesPlain`: what is encrypted is read, and nothing is encrypted any more. */
export const makeStoredSecrets = (
  ring: KeyRing | undefined,
  { storesPlain = false }: { storesPlain?: boolean } = {},
): StoredSecrets => {
  const keys = new Map(
    (ring ?? []).map(({ kid, secret }) => [
      kid,
      Buffer.from(hkdfSync("sha256", secret, "", "sluice secrets in the database", 32)),
    ]),
  );
  const firstKid = storesPlain ? null : (ring?.[0].kid ?? null);
  const firstKey = firstKid === null ? undefined : keys.get(firstKid);
  return {
    encrypts: firstKey !== undefined,
    toStore: (secret, row) => {
      if (firstKid === null || firstKey === undefined) return Buffer.from(secret);
      const kid = Buffer.from(firstKid, "latin1");
      const head = Buffer.concat([MARK, Buffer.of(kid.length), kid]);
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(CIPHER, firstKey, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(associated(head, row));
      const text = Buffer.concat([cipher.update(secret), cipher.final()]);
      return Buffer.concat([head, iv, cipher.getAuthTag(), text]);
    },
    read: (stored, row) => {
      const envelope = openEnvelope(stored);
      if (envelope === null) return ok(Buffer.from(stored));
      const { kid, head, iv, tag, text } = envelope;
      const key = keys.get(kid);
      if (key === undefined)
        return err(`ENCRYPTION_KEYS lacks the key ${kid}, with which the secret of ${row} is encrypted`);
      const decipher = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(associated(head, row));
      decipher.setAuthTag(tag);
      try {
        return ok(Buffer.concat([decipher.update(text), decipher.final()]));
      } catch {
        return err(
          `ENCRYPTION_KEYS has another key of the name ${kid} than the one that encrypted the secret of ${row}, or what is stored there was altered`,
        );
      }
    },
    isCurrent: (stored) => keyOfStored(stored) === firstKid,
  };
};
