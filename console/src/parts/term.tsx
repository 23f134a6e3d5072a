import type { ComponentChildren } from "preact";
import { TERMS } from "../words.ts";

/** A word that has its explanation a hover, or a key, away. */
export const Term = ({ of, children }: { of: keyof typeof TERMS; children: ComponentChildren }) => (
  <abbr class="term" title={TERMS[of]} tabIndex={0}>
    {children}
  </abbr>
);
