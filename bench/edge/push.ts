// A signed push, as the origin sends it, with the key `k` of the benches.
import { createHmac } from "node:crypto";
import { formatSignature, signedText } from "../../shared/signing/push-signature.ts";

export const PUSH_SECRET = "push-secret-of-the-edge-bench-0123456789abcdefghijklmnop";

export const signatureOf = (body: string): string => {
  const timestamp = Math.floor(Date.now() / 1_000);
  const mac = createHmac("sha256", PUSH_SECRET).update(signedText(timestamp, body)).digest("hex");
  return formatSignature({ timestamp, kid: "k", mac });
};

export const push = async (url: string, message: object): Promise<void> => {
  const body = JSON.stringify(message);
  const response = await fetch(`${url}/.sluice/push`, {
    method: "POST",
    headers: { "Sluice-Signature": signatureOf(body) },
    body,
  });
  if (!response.ok) throw new Error(`push: ${response.status} ${await response.text()}`);
};
