// HMAC-SHA256 with a key ring. Each secret is imported once an isolate.

/** Keys and not promises of them: a request must not wait for a promise that another request made. */
const importedKeys = new Map<string, CryptoKey>();
const encoder = new TextEncoder();

const importKey = async (secret: string): Promise<CryptoKey> => {
  const imported = importedKeys.get(secret);
  if (imported !== undefined) return imported;
  const key = await crypto.subtle.importKey(
    "raw",
    encoder.encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign", "verify"],
  );
  importedKeys.set(secret, key);
  return key;
};

export const sign = async (secret: string, text: string): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.sign("HMAC", await importKey(secret), encoder.encode(text)));

/** Compares in constant time. */
export const verify = async (secret: string, text: string, mac: Uint8Array): Promise<boolean> =>
  crypto.subtle.verify("HMAC", await importKey(secret), mac, encoder.encode(text));
