import Link from "next/link";

export default function Orders() {
  return (
    <main>
      <h1>Orders</h1>
      <sluice-feature name="feat_new" live="" hidden>
        <p id="new">Return it with one click</p>
      </sluice-feature>
      <sluice-feature name="feat_new" otherwise="">
        <p id="old">Write us a letter</p>
      </sluice-feature>
      <Link href="/">Home</Link>
    </main>
  );
}
