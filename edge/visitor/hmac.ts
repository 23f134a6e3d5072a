// HMAC-SHA256 with a key ring. Keys are imported once an isolate and secret.

const imported = new Map<string, Promise<CryptoKey>>();
const encoder = new TextEncoder();

const keyOf = (secret: string): Promise<CryptoKey> => {
  const known = imported.get(secret);
  if (known !== undefined) return known;
  const key = crypto.subtle.importKey(
    "raw",
    encoder.encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign", "verify"],
  );
  imported.set(secret, key);
  return key;
};

export const sign = async (secret: string, text: string): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.sign("HMAC", await keyOf(secret), encoder.encode(text)));

/** Compares in constant time. */
export const verify = async (secret: string, text: string, mac: Uint8Array): Promise<boolean> =>
  crypto.subtle.verify("HMAC", await keyOf(secret), mac, encoder.encode(text));
