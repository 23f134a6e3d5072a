// What a feature does to a request beyond telling the upstream.
import type { Feature } from "../client.gen.ts";
import { CheckInput, ChoiceInput, TextInput } from "./inputs.tsx";

export type Gate = NonNullable<Feature["gate"]>;
type WhenClosed = NonNullable<Gate["whenClosed"]>;

const without = (gate: Gate, name: keyof Gate): Gate => {
  const { [name]: _, ...rest } = gate;
  return rest;
};

const textIn = (gate: Gate, name: "upstream" | "path", text: string): Gate =>
  text.trim() === "" ? without(gate, name) : { ...gate, [name]: text.trim() };

const REDIRECT: WhenClosed = { action: "redirect", to: "/", status: 302 };

const isStatus = (status: number): status is 302 | 303 | 307 =>
  status === 302 || status === 303 || status === 307;

export const GateFields = ({
  gate,
  hasRoutes,
  onGate,
}: {
  gate: Gate;
  /** An answer needs routes: without them it would close the whole site. */
  hasRoutes: boolean;
  onGate: (gate: Gate) => void;
}) => {
  const { whenClosed, html = {} } = gate;
  return (
    <>
      <ChoiceInput
        field="gate.whenClosed"
        label="Who does not get it"
        value={whenClosed?.action ?? "none"}
        onValue={(action) =>
          onGate(
            action === "none"
              ? without(gate, "whenClosed")
              : { ...gate, whenClosed: action === "notFound" ? { action } : REDIRECT },
          )
        }
        hint={
          hasRoutes
            ? undefined
            : "An answer of its own needs a route: without one it would close the whole site."
        }
        choices={[
          { value: "none", name: "Sees the site as it is" },
          { value: "notFound", name: "Gets a 404", means: "For pages that are new with the feature." },
          { value: "redirect", name: "Is redirected" },
        ]}
      />
      {whenClosed?.action === "redirect" ? (
        <div class="pair">
          <TextInput
            field="gate.whenClosed.to"
            label="Redirect to"
            placeholder="/shop"
            spellcheck={false}
            value={whenClosed.to}
            onValue={(to) => onGate({ ...gate, whenClosed: { ...whenClosed, to: to.trim() } })}
          />
          <label class="stacked">
            Status
            <select
              value={String(whenClosed.status ?? 302)}
              onInput={({ currentTarget }) => {
                const status = Number(currentTarget.value);
                if (isStatus(status)) onGate({ ...gate, whenClosed: { ...whenClosed, status } });
              }}
            >
              <option value="302">302, found elsewhere for now</option>
              <option value="303">303, asked again by GET</option>
              <option value="307">307, the same request there</option>
            </select>
          </label>
        </div>
      ) : null}
      <div class="pair">
        <TextInput
          field="gate.path"
          label="Another path"
          placeholder="none"
          spellcheck={false}
          value={gate.path ?? ""}
          onValue={(text) => onGate(textIn(gate, "path", text))}
          hint={
            <>
              For who gets it. <code>:name</code> and <code>*</code> stand for what the route matched.
            </>
          }
        />
        <TextInput
          field="gate.upstream"
          label="Another upstream"
          placeholder="none"
          spellcheck={false}
          value={gate.upstream ?? ""}
          onValue={(text) => onGate(textIn(gate, "upstream", text))}
          hint="For who gets it: https://next.example.com"
        />
      </div>
      <CheckInput
        field="gate.html.elements"
        label="Show and hide elements of pages"
        hint="Those with data-feature and the feature's id."
        value={html.elements ?? false}
        onValue={(elements) => onGate({ ...gate, html: { ...html, elements } })}
      />
      <CheckInput
        field="gate.html.flags"
        label="Tell the scripts of pages"
        hint="By a JSON element with the id sluice-flags in the head."
        value={html.flags ?? false}
        onValue={(flags) => onGate({ ...gate, html: { ...html, flags } })}
      />
    </>
  );
};
