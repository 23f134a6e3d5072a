// Pages that a framework hydrates, on the smallest of the builds in test/frameworks: SvelteKit is installed and built in
// 9 s, Next.js and Nuxt take 26 and 48 s. `npm run test:frameworks` has all of them.
import { describeHydratedPages } from "../support/hydrated-pages.ts";

describeHydratedPages("sveltekit");
