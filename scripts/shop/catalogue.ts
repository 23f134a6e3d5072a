// What the demo shop sells. Fixed, so that a page's content depends on nothing but its address and its features.
import { type PictureName } from "./pictures.ts";

export interface Product {
  readonly slug: string;
  readonly name: string;
  readonly line: string;
  readonly story: string;
  readonly material: string;
  readonly size: string;
  readonly priceCents: number;
  readonly picture: PictureName;
  /** What goes well with it: the slugs that useful recommendations show on its page. */
  readonly goesWith: readonly [string, string, string, string];
}

export const PRODUCTS: readonly Product[] = [
  {
    slug: "salt-mug",
    name: "Salt mug",
    line: "Two glazes, one thumb rest",
    story:
      "Thrown in one go and dipped twice. The foot stays bare, so that every mug shows the clay it came from and keeps its grip when it is wet.",
    material: "Stoneware, salt glaze",
    size: "300 ml",
    priceCents: 2400,
    picture: "mug",
    goesWith: ["pour-over", "harbour-teapot", "oak-board", "noon-plates"],
  },
  {
    slug: "harbour-teapot",
    name: "Harbour teapot",
    line: "Pours without a drip",
    story:
      "Three years went into the lip of this spout. It holds four cups, keeps them warm through a long breakfast, and does not leave a ring on the table.",
    material: "Porcelain, matt glaze",
    size: "900 ml",
    priceCents: 7200,
    picture: "teapot",
    goesWith: ["salt-mug", "wool-throw", "beeswax-candle", "noon-plates"],
  },
  {
    slug: "dune-vase",
    name: "Dune vase",
    line: "For three stems, no more",
    story:
      "A narrow neck holds a few branches upright where a wide one lets them fall. Fine with water, and as fine with something dried in it all winter.",
    material: "Earthenware, slip",
    size: "28 cm",
    priceCents: 5800,
    picture: "vase",
    goesWith: ["moss-planter", "evening-lamp", "beeswax-candle", "well-carafe"],
  },
  {
    slug: "evening-lamp",
    name: "Evening lamp",
    line: "Warm light, low glare",
    story:
      "A paper shade on a turned foot. It dims with a touch down to the level of a candle and remembers where you left it the night before.",
    material: "Paper, ash wood",
    size: "42 cm",
    priceCents: 12900,
    picture: "lamp",
    goesWith: ["wool-throw", "beeswax-candle", "dune-vase", "moss-planter"],
  },
  {
    slug: "tide-bowls",
    name: "Tide bowls",
    line: "Three that live in one",
    story:
      "Soup, salad, olives. The three sizes sit in each other without a clatter and take no more of the shelf than the largest of them.",
    material: "Stoneware",
    size: "Set of three",
    priceCents: 6400,
    picture: "bowls",
    goesWith: ["noon-plates", "oak-board", "well-carafe", "salt-mug"],
  },
  {
    slug: "wool-throw",
    name: "Wool throw",
    line: "Undyed, heavy, quiet",
    story:
      "Woven from the wool of two colours of sheep and nothing else. Heavy enough to stay where you put it, light enough to carry out to the step.",
    material: "Wool",
    size: "130 × 190 cm",
    priceCents: 14500,
    picture: "blanket",
    goesWith: ["evening-lamp", "beeswax-candle", "harbour-teapot", "salt-mug"],
  },
  {
    slug: "moss-planter",
    name: "Moss planter",
    line: "Waters from below",
    story:
      "A second wall inside holds a week of water and lets the roots take what they need. The plant in the picture has been away on its own twice.",
    material: "Terracotta",
    size: "18 cm",
    priceCents: 3900,
    picture: "planter",
    goesWith: ["dune-vase", "well-carafe", "evening-lamp", "wool-throw"],
  },
  {
    slug: "oak-board",
    name: "Oak board",
    line: "Gets better with knives",
    story:
      "One plank, never glued, oiled three times before it leaves the workshop. Sand it once a year and your grandchildren will argue about it.",
    material: "Oak, linseed oil",
    size: "22 × 38 cm",
    priceCents: 4800,
    picture: "board",
    goesWith: ["tide-bowls", "noon-plates", "well-carafe", "salt-mug"],
  },
  {
    slug: "pour-over",
    name: "Pour-over set",
    line: "Four minutes, one cup",
    story:
      "A cone with ribs on the inside, so that the water goes through the coffee and not around it. The jug under it goes straight to the table.",
    material: "Porcelain, glass",
    size: "500 ml",
    priceCents: 5200,
    picture: "dripper",
    goesWith: ["salt-mug", "oak-board", "tide-bowls", "noon-plates"],
  },
  {
    slug: "noon-plates",
    name: "Noon plates",
    line: "A rim that helps",
    story:
      "Flat where food lies and steep where a spoon needs it. Sold by the four, because that is how many people sit down when you cook for two.",
    material: "Stoneware",
    size: "Set of four, 24 cm",
    priceCents: 8800,
    picture: "plates",
    goesWith: ["tide-bowls", "well-carafe", "oak-board", "beeswax-candle"],
  },
  {
    slug: "beeswax-candle",
    name: "Beeswax candle",
    line: "Forty quiet hours",
    story:
      "Wax from one valley, a cotton wick, a glass to drink from afterwards. It smells of what it is and not of anything else.",
    material: "Beeswax, glass",
    size: "40 hours",
    priceCents: 2900,
    picture: "candle",
    goesWith: ["evening-lamp", "wool-throw", "dune-vase", "noon-plates"],
  },
  {
    slug: "well-carafe",
    name: "Well carafe",
    line: "The glass is the lid",
    story:
      "Mouth-blown, with a tumbler that closes it at night. Wide enough at the neck for a hand and a brush, which most carafes forget.",
    material: "Glass",
    size: "1 l, with tumbler",
    priceCents: 4500,
    picture: "carafe",
    goesWith: ["noon-plates", "tide-bowls", "moss-planter", "oak-board"],
  },
];

const bySlug = new Map(PRODUCTS.map((product) => [product.slug, product]));

export const findProduct = (slug: string): Product | undefined => bySlug.get(slug);

/** 2400 → "€ 24", 2450 → "€ 24.50". */
export const priceText = (cents: number): string =>
  cents % 100 === 0 ? `€ ${cents / 100}` : `€ ${(cents / 100).toFixed(2)}`;
