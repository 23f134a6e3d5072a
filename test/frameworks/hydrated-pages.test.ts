// Pages of each framework in its production build.
import { FRAMEWORKS } from "../support/framework-app.ts";
import { describeHydratedPages } from "../support/hydrated-pages.ts";

for (const framework of FRAMEWORKS) describeHydratedPages(framework);
