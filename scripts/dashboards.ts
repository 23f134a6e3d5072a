// `npm run dashboards`: writes the dashboards of deploy/grafana from their code.
import { writeFile } from "node:fs/promises";
import { dashboardFiles } from "./dashboards/files.ts";

const folder = new URL("../deploy/grafana/dashboards/", import.meta.url);
for (const [name, text] of dashboardFiles()) await writeFile(new URL(name, folder), text);
console.log("deploy/grafana/dashboards is written");
