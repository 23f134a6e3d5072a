// The "smart recommendations" of the article: a block that may be slow (one look-up after the other, the N+1 pattern)
// or useless (spare parts that nobody asked for), as the demo sets it.
import { z } from "zod";
import { findProduct, PRODUCTS, type Product } from "./catalogue.ts";

export const recommendationsSchema = z.strictObject({
  /** What the look-ups of one block add to its page, on average, in milliseconds; each one varies by ± 40 %. */
  delayMs: z.number().min(0).max(10_000),
  /** Whether the block shows what goes with the product, or spare parts. */
  useful: z.boolean(),
});

export type RecommendationSettings = z.infer<typeof recommendationsSchema>;

export type Recommendations =
  | { readonly quality: "good"; readonly products: readonly Product[] }
  | { readonly quality: "poor"; readonly leftovers: readonly string[] };

const LEFTOVERS = ["Felt pads, 50 pieces", "Lamp fuse, 250 mA", "Invoice folder, A4", "Spare lid, left"];
const BLOCK_SIZE = 4;
const BEST_SELLERS = ["evening-lamp", "salt-mug", "wool-throw", "dune-vase"];

interface Look {
  readonly settings: RecommendationSettings;
  /** The product whose page it is; undefined on the list. */
  readonly product: Product | undefined;
  readonly wait: (ms: number) => Promise<unknown>;
  readonly random: () => number;
}

/** Looks up the block's items one by one, each look-up waiting its share of the delay. */
export const lookUpRecommendations = async ({
  settings,
  product,
  wait,
  random,
}: Look): Promise<Recommendations> => {
  if (settings.delayMs > 0) {
    for (let lookUp = 0; lookUp < BLOCK_SIZE; lookUp += 1) {
      await wait((settings.delayMs / BLOCK_SIZE) * (0.6 + 0.8 * random()));
    }
  }
  if (!settings.useful) return { quality: "poor", leftovers: LEFTOVERS };
  const slugs = product?.goesWith ?? BEST_SELLERS;
  const products = slugs.map(findProduct).filter((found) => found !== undefined);
  return { quality: "good", products: products.length > 0 ? products : PRODUCTS.slice(0, BLOCK_SIZE) };
};
