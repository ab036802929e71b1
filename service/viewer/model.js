/** The model's manifest, in plain words. */

import { fillList } from "./elements.js";

const NOT_AUDITED =
  "Not audited: nobody but its makers has measured how well this model hides who moved.";

/** Small nested facts (`{distribution: "normal", scale: 1}`) as one line. */
function line(value) {
  if (value === null || value === undefined || value === "") return "none stated";
  if (Array.isArray(value)) return value.map(line).join(", ");
  if (typeof value !== "object") return String(value);
  const facts = Object.entries(value).map(([key, of]) => `${key.replaceAll("_", " ")} ${line(of)}`);
  return facts.length ? facts.join(", ") : "none stated";
}

function sensorLine({ width, height, multiple_of: multiple }) {
  if (width && height) return `${width} × ${height}`;
  return multiple > 1 ? `any size, multiple of ${multiple}` : "any size";
}

/**
 * Show `GET /v1/model`'s answer in the `<dl>` `list`, and its audit in the paragraph `audit`;
 * the answer of a service without a usable model has no manifest.
 */
export function showModel({ device, provider, manifest }, list, audit) {
  audit.classList.toggle("missing", !manifest?.audit);
  if (!manifest) {
    fillList(list, []);
    audit.textContent = "No model is loaded, so no window is published.";
    return;
  }
  const { representation, noise } = manifest;
  const rows = [
    ["Name", `${manifest.name} ${manifest.version}`],
    ["Profile", manifest.profile],
    ["Runs on", `${device} (${provider})`],
    ["SHA-256", `${manifest.sha256.slice(0, 12)}…`, "mono", manifest.sha256],
    ["Window", `${representation.window_us / 1000} ms, ${representation.kind.replaceAll("_", " ")}`],
    ["Time bins", `${representation.bins}, each off and on`],
    ["Sensor", sensorLine(representation)],
    ["Noise", `${noise.distribution}, scale ${noise.scale}`],
    ["Output step", manifest.output_step == null ? "not rounded" : String(manifest.output_step)],
    ["Trained on", line(manifest.trained_on)],
    ["Metrics", line(manifest.metrics)],
  ];
  if (manifest.description) rows.splice(1, 0, ["What it is", manifest.description]);
  fillList(list, rows);
  audit.textContent = manifest.audit ? `Audited: ${line(manifest.audit)}` : NOT_AUDITED;
}
