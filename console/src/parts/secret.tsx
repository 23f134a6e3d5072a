import { Copy } from "./copy.tsx";
import "./secret.css";

/** A secret that is shown this once. */
export const Secret = ({ label, secret }: { label: string; secret: string }) => (
  <div class="shown-secret">
    <label>
      {label}
      <input readOnly value={secret} onFocus={(event) => event.currentTarget.select()} />
    </label>
    <Copy text={secret} />
  </div>
);
