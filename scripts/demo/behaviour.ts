// How simulated visitors take what they see. Calculations only: probabilities in, choices out.

/** What a page showed: `feat_x`, or `feat_x/poor` where the page itself marks the block's quality. */
export type Mark = string;

/** How often visitors act and come back. A mark that is not listed changes nothing. */
export interface Behaviour {
  /** Share of visitors who check out when no feature was shown, 0–1. */
  readonly checkout: number;
  /** Share of visitors who come back when no feature was shown, 0–1. */
  readonly comeBack: number;
  /** They come back after a time drawn evenly from this span, in milliseconds after their visit ended. */
  readonly comeBackAfterMs: readonly [shortest: number, longest: number];
  /** Factors on both shares, by what was shown; several marks multiply. */
  readonly effects: Readonly<Record<Mark, { readonly checkout: number; readonly comeBack: number }>>;
}

/** A shop where express checkout pays and recommendations do only when they are any good. */
export const shopBehaviour: Behaviour = {
  checkout: 0.35,
  comeBack: 0.5,
  comeBackAfterMs: [4000, 8000],
  effects: {
    feat_smart_recs_v1: { checkout: 1.15, comeBack: 1.1 },
    "feat_smart_recs_v1/poor": { checkout: 0.4, comeBack: 0.45 },
    feat_express_checkout: { checkout: 1.5, comeBack: 1.15 },
  },
};

// The shop writes these two attributes next to one another (scripts/shop/pages.ts).
const MARKED = /data-feature="([^"]+)"(?: data-quality="([^"]+)")?/g;

export const readMarks = (page: string): readonly Mark[] =>
  [...page.matchAll(MARKED)].map(([, feature, quality]) =>
    quality === undefined || quality === "good" ? String(feature) : `${feature}/${quality}`,
  );

/** The shares for a visitor who was shown these marks. */
export const sharesFor = (
  behaviour: Behaviour,
  marks: ReadonlySet<Mark>,
): { readonly checkout: number; readonly comeBack: number } => {
  let { checkout, comeBack } = behaviour;
  for (const mark of marks) {
    const effect = behaviour.effects[mark];
    if (!effect) continue;
    checkout *= effect.checkout;
    comeBack *= effect.comeBack;
  }
  return { checkout: Math.min(1, checkout), comeBack: Math.min(1, comeBack) };
};

/** Everything a visitor leaves to chance, drawn before the first request: pages never shift later draws. */
export interface Temper {
  /** 0–1 each: below the share, the visitor does it. */
  readonly checkout: number;
  readonly comeBack: number;
  readonly comeBackAfterMs: number;
  /** 0–1: which of the list's products is opened. */
  readonly product: number;
}

export const drawTemper = (behaviour: Behaviour, random: () => number): Temper => {
  const [shortest, longest] = behaviour.comeBackAfterMs;
  return {
    checkout: random(),
    comeBack: random(),
    comeBackAfterMs: shortest + (longest - shortest) * random(),
    product: random(),
  };
};
