// Where a feature applies: a row for each route.
import type { Feature } from "../client.gen.ts";
import { useFaults } from "./form.tsx";

export type Route = NonNullable<Feature["routes"]>[number];

const methodsOf = (text: string): string[] =>
  text
    .toUpperCase()
    .split(/[\s,]+/)
    .filter((each) => each !== "");

const withMethods = ({ path, caseSensitive }: Route, text: string): Route => {
  const methods = methodsOf(text);
  return {
    path,
    ...(methods.length === 0 ? {} : { methods }),
    ...(caseSensitive === undefined ? {} : { caseSensitive }),
  };
};

const Row = ({
  at,
  route,
  set,
  remove,
}: {
  at: number;
  route: Route;
  set: (route: Route) => void;
  remove: () => void;
}) => {
  const faults = useFaults(`routes.${at}`);
  const number = at + 1;
  return (
    <li>
      <div class="row">
        <input
          type="text"
          aria-label={`Path ${number}`}
          aria-invalid={faults.length > 0}
          placeholder="/products/:id"
          spellcheck={false}
          autocomplete="off"
          value={route.path}
          onInput={(event) => set({ ...route, path: event.currentTarget.value.trim() })}
        />
        <input
          type="text"
          class="methods"
          aria-label={`Methods of path ${number}`}
          placeholder="any method"
          autocomplete="off"
          value={route.methods?.join(" ") ?? ""}
          onChange={(event) => set(withMethods(route, event.currentTarget.value))}
        />
        <label class="inline">
          <input
            type="checkbox"
            checked={route.caseSensitive ?? false}
            onInput={({ currentTarget: { checked } }) => {
              const { caseSensitive: _, ...rest } = route;
              set(checked ? { ...rest, caseSensitive: true } : rest);
            }}
          />
          exact case
        </label>
        <button type="button" class="icon" aria-label={`Remove path ${number}`} onClick={remove}>
          ×
        </button>
      </div>
      {faults.map((text) => (
        <p key={text} class="fault">
          {text}
        </p>
      ))}
    </li>
  );
};

export const RouteRows = ({
  routes,
  onRoutes,
}: {
  routes: readonly Route[];
  onRoutes: (routes: Route[]) => void;
}) => (
  <div class="field" role="group" aria-label="Routes">
    {routes.length === 0 ? (
      <p class="none">Everywhere on the site.</p>
    ) : (
      <ul class="rows">
        {routes.map((route, at) => (
          // oxlint-disable-next-line react/no-array-index-key -- a route has no name of its own
          <Row
            key={at}
            at={at}
            route={route}
            set={(next) => onRoutes(routes.map((each, index) => (index === at ? next : each)))}
            remove={() => onRoutes(routes.filter((_, index) => index !== at))}
          />
        ))}
      </ul>
    )}
    <div>
      <button type="button" onClick={() => onRoutes([...routes, { path: "" }])}>
        Add a route
      </button>
    </div>
    <small>
      A path such as <code>/products/:id</code> or <code>/shop/*</code>. The feature applies on them alone.
    </small>
  </div>
);
