import Link from "next/link";
import { Counter } from "../counter.jsx";

export default function Checkout() {
  return (
    <main>
      <h1>Checkout</h1>
      <sluice-feature name="feat_new" hidden>
        <p id="new">
          <Counter>Pay in one step</Counter>
        </p>
      </sluice-feature>
      <sluice-feature name="feat_new" otherwise="">
        <p id="old">
          <Counter>Pay in three steps</Counter>
        </p>
      </sluice-feature>
      <Link href="/">Home</Link>
      <Link href="/orders">Orders</Link>
    </main>
  );
}
