// The cookies of people who are signed in. Over https their names have the prefix that keeps them to this one host; browsers
// refuse that prefix over plain http, which is taken on this machine alone.
import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";

export type CookieName = "sluice-session" | "sluice-sign-in";

export type PageCookies = ReturnType<typeof makePageCookies>;

/** `publicUrl`: as people see the origin. */
export const makePageCookies = (publicUrl: string) => {
  const secure = publicUrl.startsWith("https:");
  const fullName = (name: CookieName): string => `${secure ? "__Host-" : ""}${name}`;
  return {
    get: (context: Context, name: CookieName): string | undefined => getCookie(context, fullName(name)),
    /** Lax and not Strict: a person comes back from the provider by a link of another site. */
    set: (context: Context, name: CookieName, value: string, maxAge: number): void =>
      setCookie(context, fullName(name), value, {
        path: "/",
        httpOnly: true,
        sameSite: "Lax",
        secure,
        maxAge,
      }),
    clear: (context: Context, name: CookieName): void =>
      setCookie(context, fullName(name), "", {
        path: "/",
        httpOnly: true,
        sameSite: "Lax",
        secure,
        maxAge: 0,
      }),
  };
};
