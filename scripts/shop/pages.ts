// The shop's pages. A block that a feature adds carries data-feature="<feature id>": tests and simulated visitors
// go by these marks, since they say what a visitor was shown rather than what a cookie claims.
import { html } from "hono/html";
import { totalCents } from "./cart.ts";
import { type Product, PRODUCTS, priceText } from "./catalogue.ts";
import { EXPRESS_CHECKOUT, isTreated, SMART_RECOMMENDATIONS } from "./features.ts";
import { type Html, page, type Visit } from "./layout.ts";
import { picture } from "./pictures.ts";
import { type Recommendations } from "./recommendations.ts";

const card = (product: Product): Html =>
  html`<li class="card">
    <a href="/products/${product.slug}">
      ${picture(product.picture)}
      <span class="name">${product.name}</span>
      <span class="price">${priceText(product.priceCents)}</span>
      <span class="line">${product.line}</span>
    </a>
  </li>`;

const leftover = (name: string): Html =>
  html`<li class="card leftover">
    ${picture("parcel")}<span class="name">${name}</span><span class="line">Currently not in stock</span>
  </li>`;

// The catalogue never changes, and drawing it is most of a page's work.
const CARDS = PRODUCTS.map(card);

const recommendationsBlock = (found: Recommendations): Html =>
  html`<section class="recommended" data-feature="${SMART_RECOMMENDATIONS}" data-quality="${found.quality}">
    <h2>
      ${found.quality === "good" ? "Picked for you" : "You may also need"}
      <small>smart recommendations</small>
    </h2>
    <ul class="cards cards-few">
      ${found.quality === "good" ? found.products.map(card) : found.leftovers.map(leftover)}
    </ul>
  </section>`;

interface WithRecommendations {
  readonly visit: Visit;
  /** Undefined when this visitor doesn't get the feature. */
  readonly recommendations: Recommendations | undefined;
}

export const listPage = ({ visit, recommendations }: WithRecommendations): Html =>
  page({
    title: "Things for the table",
    visit,
    body: html`<section class="hero">
        <div>
          <h1>Good things for an ordinary Tuesday</h1>
          <p>Twelve objects for the table and the hours around it, made by people who use them themselves.</p>
          <a class="button" href="#things">See all twelve</a>
        </div>
        <div class="hero-pictures" aria-hidden="true">
          ${picture("lamp")}${picture("mug")}${picture("vase")}${picture("planter")}
        </div>
      </section>
      ${recommendations ? recommendationsBlock(recommendations) : ""}
      <section id="things">
        <h2>All things</h2>
        <ul class="cards">
          ${CARDS}
        </ul>
      </section>`,
  });

const expressButton = (product: Product): Html =>
  html`<form method="post" action="/checkout" data-feature="${EXPRESS_CHECKOUT}">
    <input type="hidden" name="product" value="${product.slug}" />
    <button class="button express">Buy now with one click</button>
    <p class="hint">Express checkout: no cart, no form, here on Thursday.</p>
  </form>`;

export const productPage = ({
  product,
  visit,
  recommendations,
}: WithRecommendations & { product: Product }): Html =>
  page({
    title: product.name,
    visit,
    body: html`<article class="product">
        <div class="product-picture">${picture(product.picture)}</div>
        <div class="product-text">
          <p class="line">${product.line}</p>
          <h1>${product.name}</h1>
          <p class="price">${priceText(product.priceCents)}</p>
          <p>${product.story}</p>
          <div class="buy">
            ${isTreated(visit.cohorts, EXPRESS_CHECKOUT) ? expressButton(product) : ""}
            <form method="post" action="/cart">
              <input type="hidden" name="product" value="${product.slug}" />
              <button class="button quiet">Add to cart</button>
            </form>
          </div>
          <dl>
            <div>
              <dt>Made of</dt>
              <dd>${product.material}</dd>
            </div>
            <div>
              <dt>Size</dt>
              <dd>${product.size}</dd>
            </div>
            <div>
              <dt>Returns</dt>
              <dd>90 days, used or not</dd>
            </div>
          </dl>
        </div>
      </article>
      ${recommendations ? recommendationsBlock(recommendations) : ""}`,
  });

export const cartPage = (visit: Visit): Html =>
  page({
    title: "Cart",
    visit,
    body:
      visit.cart.length === 0
        ? html`<section class="notice">
            <h1>Your cart is empty</h1>
            <p>It is patient.</p>
            <a class="button" href="/#things">See all things</a>
          </section>`
        : html`<section class="cart">
            <div>
              <h1>Cart</h1>
              <ul class="cart-lines">
                ${visit.cart.map(
                  ({ product, quantity }) =>
                    html`<li>
                      ${picture(product.picture)}
                      <a href="/products/${product.slug}">${product.name}</a>
                      <span class="quantity">× ${quantity}</span>
                      <span class="price">${priceText(product.priceCents * quantity)}</span>
                    </li>`,
                )}
              </ul>
              <p class="total"><span>Total</span><b>${priceText(totalCents(visit.cart))}</b></p>
            </div>
            <form class="checkout" method="post" action="/checkout">
              <h2>Where should it go?</h2>
              <label>Name<input name="name" autocomplete="name" placeholder="Ada Example" /></label>
              <label>Street<input name="street" autocomplete="street-address" /></label>
              <label>Town<input name="town" autocomplete="address-level2" /></label>
              <button class="button">Place the order</button>
              <p class="hint">You can leave everything empty: it is a demo and keeps nothing.</p>
            </form>
          </section>`,
  });

export const thanksPage = ({ visit, order }: { visit: Visit; order: Visit["cart"] }): Html =>
  page({
    title: "Thank you",
    visit,
    body: html`<section class="notice">
      <h1>Thank you</h1>
      ${
        order.length === 0
          ? html`<p>Your order is on its way.</p>`
          : html`<div class="thanks-pictures">
                ${order.slice(0, 4).map(({ product }) => picture(product.picture))}
              </div>
              <p>
                ${order.map(({ product, quantity }) => `${quantity} × ${product.name}`).join(", ")}:
                ${priceText(totalCents(order))}, on its way in spirit.
              </p>`
      }
      <a class="button" href="/">Back to the shop</a>
    </section>`,
  });

export const missingPage = (visit: Visit): Html =>
  page({
    title: "Not here",
    visit,
    body: html`<section class="notice">
      <h1>That is not on our shelf</h1>
      <p>Perhaps it was once.</p>
      <a class="button" href="/">Back to the shop</a>
    </section>`,
  });
