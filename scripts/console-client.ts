// `npm run console:client`: writes the console's client of the admin API from the API's own OpenAPI document.
import { writeFile } from "node:fs/promises";
import { consoleClient } from "./reference/console-client.ts";

await writeFile(new URL("../console/src/client.gen.ts", import.meta.url), await consoleClient());
console.log("console/src/client.gen.ts is written");
