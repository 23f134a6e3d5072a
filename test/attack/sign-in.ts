// People who are signed in at the site: a token that the edge verifies, with their id as its subject.
import { exportJWK, generateKeyPair } from "jose";

export type SignIn = {
  /** What the edge needs to know. */
  readonly edgeVars: Record<string, string>;
  /** Headers of a signed-in request. The subject is JSON text, which can say more than a type can hold. */
  readonly headersOf: (subjectJson: string) => Promise<{ "x-token": string }>;
};

const part = (text: string): string => Buffer.from(text).toString("base64url");

export const makeSignIn = async (): Promise<SignIn> => {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const keys = [{ ...(await exportJWK(publicKey)), alg: "ES256", kid: "k" }];
  return {
    edgeVars: {
      UNIT_FROM: "claim:sub",
      JWT_FROM: "header:x-token",
      JWT_KEY_SET: JSON.stringify({ keys }),
    },
    headersOf: async (subjectJson) => {
      const expires = Math.floor(Date.now() / 1_000) + 600;
      const signed = `${part('{"alg":"ES256","kid":"k"}')}.${part(`{"exp":${expires},"sub":${subjectJson}}`)}`;
      const mac = await crypto.subtle.sign(
        { name: "ECDSA", hash: "SHA-256" },
        privateKey,
        Buffer.from(signed),
      );
      return { "x-token": `${signed}.${Buffer.from(mac).toString("base64url")}` };
    },
  };
};
