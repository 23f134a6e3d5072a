// Secrets of hooks as their rows have them: encrypted where the sender signs, since a signature needs the secret itself. Of a
// secret that the sender shows there is a digest alone, which is no secret.
import type { StoredSecrets } from "../runtime/stored-secrets.ts";
import type { Hook, HookName } from "./hook.ts";
import { storedSecret } from "./verify-sender.ts";

type Kind = Pick<Hook, "source" | "authentication">;

/** The present secret and the one before it are of one row, and change places. */
export const rowOfHook = (name: string): string => `the hook ${name}`;

export const lockSecret = (secrets: StoredSecrets, name: HookName, kind: Kind, secret: string): Buffer => {
  const usable = storedSecret(kind, secret);
  return kind.authentication === "signature" ? secrets.toStore(usable, rowOfHook(name)) : usable;
};

/** Those that can be decrypted; `problem`: why one of them cannot. */
export const unlockSecrets = (
  secrets: StoredSecrets,
  { name, authentication }: Pick<Hook, "name" | "authentication">,
  stored: readonly Buffer[],
): { readonly unlocked: readonly Buffer[]; readonly problem: string | null } => {
  if (authentication === "secret") return { unlocked: stored, problem: null };
  const read = stored.map((one) => secrets.read(one, rowOfHook(name)));
  return {
    unlocked: read.flatMap((one) => (one.ok ? [one.value] : [])),
    problem: read.flatMap((one) => (one.ok ? [] : [one.error]))[0] ?? null,
  };
};
