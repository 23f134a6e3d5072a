import { preact } from "@preact/preset-vite";
import { defineConfig } from "vite";

/** Where `npm run console` finds an origin, and the token with which it asks as if somebody were signed in. */
const origin = process.env["SLUICE_URL"] ?? "http://127.0.0.1:8080";
const token = process.env["SLUICE_TOKEN"];
const proxy = {
  target: origin,
  ...(token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } }),
};

export default defineConfig({
  root: import.meta.dirname,
  plugins: [preact()],
  build: { outDir: "dist", emptyOutDir: true, target: "es2023", assetsInlineLimit: 0 },
  server: { proxy: Object.fromEntries(["/admin", "/auth", "/docs"].map((path) => [path, proxy])) },
});
