// Calls of a running origin's admin API in the name of the people of the seeded shop.
type Json = Readonly<Record<string, unknown>>;

export type Call = (token: string, method: "POST" | "PUT", path: string, body: Json) => Promise<Json>;

/** Whatever version is there. Throws unless the answer is 2xx. */
export const makeCall =
  (originUrl: string): Call =>
  async (token, method, path, body) => {
    const request = {
      method,
      headers: { authorization: `Bearer ${token}`, ...(method === "PUT" ? { "if-match": "*" } : {}) },
      body: JSON.stringify(body),
    };
    const response = await fetch(`${originUrl}/admin/v1${path}`, request);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    const answer: unknown = text === "" ? {} : JSON.parse(text);
    if (typeof answer !== "object" || answer === null) throw new Error(`${method} ${path}: ${text}`);
    return { ...answer };
  };
