import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

// Without a root Next.js takes the repository for the app's workspace.
export default { turbopack: { root: dirname(fileURLToPath(import.meta.url)) } };
