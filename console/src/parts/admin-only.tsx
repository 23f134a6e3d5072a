import type { ComponentChildren } from "preact";
import { whyNot } from "../api.ts";

/** What the API shows to admins alone: others are told so, and nothing is asked for them. */
export const AdminOnly = ({ what, children }: { what: string; children: ComponentChildren }) => {
  const refusal = whyNot("admin");
  return refusal === null ? (
    <>{children}</>
  ) : (
    <p class="empty">
      {what} are shown to admins. {refusal}
    </p>
  );
};
