// `npm run bench -- NAME [--json]`: runs bench/NAME.ts; without a name lists what there is.
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../bench/", import.meta.url));
const [name] = process.argv.slice(2);
const names = (await readdir(folder)).flatMap((file) => (file.endsWith(".ts") ? [file.slice(0, -3)] : []));

if (name === undefined) {
  for (const each of names) {
    const [firstLine = ""] = (await readFile(`${folder}${each}.ts`, "utf8")).split("\n");
    console.log(`${each.padEnd(10)} ${firstLine.replace(/^\/\/ */, "")}`);
  }
} else if (names.includes(name)) {
  // In this process, so that whoever ends it ends the bench.
  process.argv.splice(1, 2, `${folder}${name}.ts`);
  await import(`${folder}${name}.ts`);
} else {
  console.error(`no bench "${name}"; there is: ${names.join(", ")}`);
  process.exitCode = 2;
}
