/** The model's manifest, in plain words. */

import { fillList, setBadge } from "./elements.js";
import { ago, date } from "./words.js";

/** What each of the service's words for the audit means to a person. */
const AUDIT_MEANS = {
  passing: "The audit passed: no attack on this model got further than was allowed.",
  failing: "The audit failed: an attack tells people apart better than is allowed.",
  stale: "The last audit passed, but is too old to count.",
  undecided: "The audit could not decide.",
  missing: "Not audited: nobody but its makers has measured how well this model hides who moved.",
  untrusted: "There is an audit, but it cannot be trusted.",
  off: "Audits are not looked at here.",
};

/** What holds no facts itself, in words. */
function line(value) {
  if (value === null || value === undefined || value === "") return "none stated";
  return Array.isArray(value) ? value.map(line).join(", ") || "none stated" : String(value);
}

const holdsFacts = (of) => of !== null && typeof of === "object" && !Array.isArray(of);

/** Nested facts, a line each, further in for each that holds them. */
function lines(facts, indent = "") {
  if (!holdsFacts(facts)) return line(facts);
  const told = Object.entries(facts).map(([key, of]) => {
    const name = `${indent}${key.replaceAll("_", " ")}`;
    return holdsFacts(of) ? `${name}\n${lines(of, `${indent}  `)}` : `${name}: ${line(of)}`;
  });
  return told.length ? told.join("\n") : `${indent}none stated`;
}

function sensorLine({ width, height, multiple_of: multiple }) {
  if (width && height) return `${width} × ${height}`;
  return multiple > 1 ? `any size, multiple of ${multiple}` : "any size";
}

const percent = (number) => `${number.toFixed(1)} %`;

/** The audit's date and its worst attack, where its signature holds. */
function auditLine({ state, reason, finished, age_s: age, suite, synthetic, worst }) {
  if (!finished) return state === "untrusted" ? `Why: ${reason}.` : "";
  const people = synthetic ? "synthetic people only" : "recordings of real people";
  const facts = [`Suite ${suite}, ${people}, ${date(finished)} (${ago(age)}).`];
  // Why it fails is the worst attack, beside the limit that it is beyond.
  if (worst && state !== "failing") {
    const { attack, metric, value, low, high, chance, limit } = worst;
    facts.push(
      `Worst attack: ${attack}, ${metric} ${percent(value)} [${percent(low)} to ${percent(high)}]; ` +
        `guessing gets ${percent(chance)}, allowed are ${percent(limit)}.`,
    );
  }
  if (state !== "passing") facts.push(`Why: ${reason}.`);
  return facts.join(" ");
}

function showAudit(audit, badge, text) {
  badge.hidden = false;
  setBadge(badge, `audit ${audit.state}`);
  text.dataset.state = audit.state;
  text.textContent = [AUDIT_MEANS[audit.state], auditLine(audit)].filter(Boolean).join(" ");
}

/**
 * Show `GET /v1/model`'s answer in the `<dl>` `list`, and its audit in `badge` and in the paragraph
 * `text`; the answer of a service without a usable model has neither manifest nor audit.
 */
export function showModel({ device, provider, audit, manifest }, list, badge, text) {
  if (!manifest) {
    fillList(list, []);
    badge.hidden = true;
    text.dataset.state = "missing";
    text.textContent = "No model is loaded, so no window is published.";
    return;
  }
  showAudit(audit, badge, text);
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
    ["Trained on", lines(manifest.trained_on), "lines"],
    ["Metrics", lines(manifest.metrics), "lines"],
  ];
  if (manifest.description) rows.splice(1, 0, ["What it is", manifest.description]);
  fillList(list, rows);
}
