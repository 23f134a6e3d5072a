import { getDependents } from "../client.gen.ts";
import { FeatureLink } from "../parts/feature-link.tsx";
import { Loaded } from "../parts/page.tsx";
import { useResource } from "../resource.ts";

const Names = ({ of }: { of: readonly { readonly featureId: string }[] }) => (
  <>
    {of.map(({ featureId }, i) => (
      <span key={featureId}>
        {i === 0 ? "" : ", "}
        <FeatureLink featureId={featureId} />
      </span>
    ))}
  </>
);

/** Which features close with this one, or have to be open for it: said before the click. */
export const Dependents = ({ featureId, before }: { featureId: string; before: "close" | "open" }) => {
  const dependents = useResource(`dependents ${featureId}`, () => getDependents(featureId));
  return (
    <Loaded from={dependents}>
      {({ requires, requiredBy }) => {
        const closing = requiredBy.filter(({ enabled }) => enabled);
        const missing = requires.filter(({ enabled }) => !enabled);
        if (before === "open")
          return missing.length === 0 ? null : (
            <p class="notice warn">
              It cannot be opened before these, which it requires: <Names of={missing} />.
            </p>
          );
        return closing.length === 0 ? (
          <p>No other feature closes with it.</p>
        ) : (
          <p class="notice warn">
            {closing.length === 1
              ? "One feature requires it and closes"
              : `${closing.length} features require it and close`}{" "}
            with it: <Names of={closing} />.
          </p>
        );
      }}
    </Loaded>
  );
};
