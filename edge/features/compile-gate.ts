// Compiles a feature's gate: where requests of units that get the feature go, the answer for the others, and the edits
// of pages.
import { canonicalPath } from "../../shared/features/canonical-path.ts";
import { decodeField, type EncodedFeature } from "../../shared/features/encoded-feature.ts";
import type { WhenClosed } from "../../shared/features/gate.ts";
import { compilePath, type CompiledPath } from "../../shared/features/route.ts";

/** Where a request is sent instead; a null part stays as it is. */
export type Destination = { readonly upstream: string | null; readonly path: string | null };

export type CompiledGate = {
  /** For units that get the feature; null: they are sent where everybody is sent. */
  readonly destinationOf: ((path: string) => Destination) | null;
  /** The answer for all other units; null: the site answers, without the feature. */
  readonly whenClosed: WhenClosed | null;
  readonly elements: boolean;
  readonly flags: boolean;
};

const PLACEHOLDER = /:([A-Za-z_]\w*)|\*/g;

/** A step out of its folder, as some server might read it. Other steps are no part of a canonical path. */
const STEP = /(?:^|\/|%2F|%5C)\.{1,2}(?:;[^/]*)?(?:$|\/|%2F|%5C)/;

/** The template with the parts of `path` that the first matching route names; null when that route lacks a name, or a part has a step. */
const fillTemplate = (template: string, routes: readonly CompiledPath[], path: string): string | null => {
  if (template.search(PLACEHOLDER) < 0) return template;
  for (const route of routes) {
    const parts = route.match(path);
    if (parts === null) continue;
    const names = [...template.matchAll(PLACEHOLDER)].map(([all, name]) => name ?? all);
    if (!names.every((name) => parts.has(name))) continue;
    if (names.some((name) => STEP.test(parts.get(name) ?? ""))) return null;
    return template.replace(PLACEHOLDER, (all, name?: string) => parts.get(name ?? all) ?? "");
  }
  return null;
};

/** null: the feature does nothing but tell the upstream. */
export const compileGate = (state: EncodedFeature): CompiledGate | null => {
  const gate = decodeField(state, "gate");
  if (gate === null) return null;
  const routes = decodeField(state, "routes") ?? [];
  const { upstream = null } = gate;
  const template = gate.path === undefined ? undefined : canonicalPath(gate.path);
  const paths =
    (template ?? "").search(PLACEHOLDER) < 0 ? [] : routes.map((route) => compilePath(route.path, route));
  return {
    destinationOf:
      upstream === null && template === undefined
        ? null
        : (path) => ({ upstream, path: template === undefined ? null : fillTemplate(template, paths, path) }),
    // Without routes the answer would close the whole site, which nobody can have meant.
    whenClosed: routes.length === 0 ? null : (gate.whenClosed ?? null),
    elements: gate.html?.elements ?? false,
    flags: gate.html?.flags ?? false,
  };
};
