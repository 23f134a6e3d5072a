// The cart lives in the visitor's cookie, `salt-mug.2~oak-board.1`, so that the shop holds no state of its own.
import { findProduct, type Product } from "./catalogue.ts";

export interface CartLine {
  readonly product: Product;
  readonly quantity: number;
}

const MAX_QUANTITY = 9;

export const readCart = (cookie: string | undefined): readonly CartLine[] => {
  const quantities = new Map<Product, number>();
  for (const item of cookie?.split("~") ?? []) {
    const [slug = "", count = ""] = item.split(".");
    const product = findProduct(slug);
    const quantity = Number(count);
    if (product && Number.isInteger(quantity) && quantity > 0) {
      quantities.set(product, Math.min(MAX_QUANTITY, (quantities.get(product) ?? 0) + quantity));
    }
  }
  return [...quantities].map(([product, quantity]) => ({ product, quantity }));
};

export const writeCart = (lines: readonly CartLine[]): string =>
  lines.map(({ product, quantity }) => `${product.slug}.${quantity}`).join("~");

export const addToCart = (lines: readonly CartLine[], product: Product): readonly CartLine[] =>
  readCart(writeCart([...lines, { product, quantity: 1 }]));

export const countItems = (lines: readonly CartLine[]): number =>
  lines.reduce((sum, line) => sum + line.quantity, 0);

export const totalCents = (lines: readonly CartLine[]): number =>
  lines.reduce((sum, line) => sum + line.quantity * line.product.priceCents, 0);
