import type { Word } from "../words.ts";

/** A state in a word, a sign and a colour. */
export const Badge = ({ state }: { state: Word }) => (
  <span class={`badge ${state.tone}`} title={state.means}>
    <span aria-hidden="true">{state.sign}</span> {state.word}
  </span>
);
