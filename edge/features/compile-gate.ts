// A feature's gate made ready for requests: where open requests go, what closed ones get, what is edited in pages.
import { decodeField, type EncodedFeature } from "../../shared/features/encoded-feature.ts";
import type { WhenClosed } from "../../shared/features/gate.ts";
import { compilePath, type CompiledPath } from "../../shared/features/route.ts";

/** Another place than the site's own; null: the site's own. */
export type Place = { readonly upstream: string | null; readonly path: string | null };

export type CompiledGate = {
  /** Where the request of a unit that gets the feature goes; null: where it would go anyway. */
  readonly placeOf: ((path: string) => Place) | null;
  /** null: what is not let through is served by the site, without the feature. */
  readonly whenClosed: WhenClosed | null;
  readonly elements: boolean;
  readonly flags: boolean;
};

const PLACEHOLDER = /:([A-Za-z_]\w*)|\*/g;

/** The template with what the first matching route names; null when that lacks a name. */
const fill = (template: string, routes: readonly CompiledPath[], path: string): string | null => {
  if (template.search(PLACEHOLDER) < 0) return template;
  for (const route of routes) {
    const found = route.match(path);
    if (found === null) continue;
    const names = [...template.matchAll(PLACEHOLDER)].map(([all, name]) => name ?? all);
    if (!names.every((name) => found.has(name))) continue;
    return template.replace(PLACEHOLDER, (all, name?: string) => found.get(name ?? all) ?? "");
  }
  return null;
};

/** null: nothing beyond the header. */
export const compileGate = (state: EncodedFeature): CompiledGate | null => {
  const gate = decodeField(state, "gate");
  if (gate === null) return null;
  const routes = decodeField(state, "routes") ?? [];
  const { upstream = null, path: template } = gate;
  const paths = (template ?? "").search(PLACEHOLDER) < 0 ? [] : routes.map(({ path }) => compilePath(path));
  return {
    placeOf:
      upstream === null && template === undefined
        ? null
        : (path) => ({ upstream, path: template === undefined ? null : fill(template, paths, path) }),
    // Without routes it would close the whole site, which nobody can have meant.
    whenClosed: routes.length === 0 ? null : (gate.whenClosed ?? null),
    elements: gate.html?.elements ?? false,
    flags: gate.html?.flags ?? false,
  };
};
