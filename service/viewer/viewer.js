/** The page: asks the service once a second what there is, and shows it. */

import { CameraView } from "./camera.js";
import { ask, retryDelayMs, ServiceGone, token } from "./connection.js";
import { at, setBadge } from "./elements.js";
import { showModel } from "./model.js";
import { divergingColours } from "./picture.js";
import { showStage } from "./stage.js";

const POLL_MS = 1000;
const MODEL_MS = 15000;

const cameras = new Map();
const darkness = matchMedia("(prefers-color-scheme: dark)");

let selected = null;
let bin = null;
let colours = divergingColours(getComputedStyle(document.documentElement));
let modelAskedMs = -Infinity;
let failures = 0;
let tokenRefused = false;
let rounds = 0;
let timer = null;

const path = (id) => `/v1/cameras/${encodeURIComponent(id)}`;

// Service state ---------------------------------------------------------------------------

function notice(text) {
  if (at("notice").textContent === text) return;
  at("notice").textContent = text;
  at("notice").hidden = !text;
}

function showReady({ ready, reason }) {
  setBadge(at("service-state"), ready ? "ready" : "not ready");
  notice(ready ? "" : `The service is not ready and publishes no windows: ${reason ?? "no reason given"}`);
}

function showGone(delayMs) {
  setBadge(at("service-state"), "gone");
  notice(`The service does not answer. Trying again in ${Math.max(1, Math.round(delayMs / 1000))} s.`);
  at("viewer-page").classList.add("stale");
}

function askForToken(problem) {
  tokenRefused = true;
  rounds += 1;
  clearTimeout(timer);
  for (const id of [...cameras.keys()]) forget(id);
  token.clear();
  at("viewer-page").hidden = true;
  at("change-token").hidden = true;
  at("token-page").hidden = false;
  at("token-problem").textContent = problem;
  setBadge(at("service-state"), "token needed");
  notice("");
  at("token").focus();
}

function refused() {
  askForToken(token.get() ? "The service does not know this token." : "");
}

// Cameras ---------------------------------------------------------------------------------

function forget(id) {
  cameras.get(id).remove();
  cameras.delete(id);
  if (selected === id) selected = null;
}

function select(id) {
  if (selected !== id) {
    at("stage-problem").textContent = "";
    askToRemove(false);
  }
  selected = id;
  for (const [name, camera] of cameras) camera.mark(name === id);
  showStage(cameras.get(selected));
  draw(cameras.get(id));
}

function showCameras(statuses) {
  const listed = new Set(statuses.map(({ id }) => id));
  for (const id of [...cameras.keys()]) if (!listed.has(id)) forget(id);
  for (const status of statuses) {
    const camera = cameras.get(status.id);
    if (camera) camera.update(status);
    else addCard(status);
    cameras.get(status.id).follow(!document.hidden);
  }
  at("no-cameras").hidden = statuses.length > 0;
  at("cameras-section").hidden = statuses.length === 0;
  if (statuses.length === 0) at("add-panel").open ||= !at("add-panel").dataset.seen;
  at("add-panel").dataset.seen = "yes";
  if (selected === null && statuses.length) select(statuses[0].id);
  else showStage(cameras.get(selected));
}

function addCard(status) {
  const camera = new CameraView(status, at("card-template"), {
    onSelect: () => select(status.id),
    onRefused: refused,
    onWindow: draw,
  });
  cameras.set(status.id, camera);
  at("cards").append(camera.item);
}

function draw(camera) {
  const large = cameras.get(selected) === camera;
  camera.draw(bin, colours, large ? [at("picture")] : []);
  if (!large || !camera.window) return;
  showBins(camera.bins);
  at("legend-low").textContent = `off −${camera.scale.toPrecision(2)}`;
  at("legend-high").textContent = `on +${camera.scale.toPrecision(2)}`;
  at("picture-empty").hidden = true;
}

function showBins(bins) {
  const choice = at("bin");
  if (choice.options.length === bins + 1) return;
  choice.length = 1;
  for (let b = 0; b < bins; b += 1) choice.add(new Option(`${b + 1} of ${bins}`, String(b)));
  if (bin !== null && bin >= bins) bin = null;
  choice.value = bin === null ? "" : String(bin);
}

// Actions of the admin token --------------------------------------------------------------

/** Run `action`, disable `button` meanwhile, and put what went wrong in one line. */
async function attempt(button, problem, action) {
  button.disabled = true;
  problem.textContent = "";
  try {
    await action();
    return true;
  } catch (error) {
    if (error.status === 401) refused();
    else problem.textContent = error.message;
    return false;
  } finally {
    button.disabled = false;
    refresh();
  }
}

function askToRemove(asking) {
  at("remove").textContent = asking ? "Really remove" : "Remove";
  at("keep").hidden = !asking;
}

at("pause").addEventListener("click", () => {
  const { id, enabled } = cameras.get(selected).status;
  const body = { enabled: !enabled };
  attempt(at("pause"), at("stage-problem"), () => ask(path(id), { method: "PATCH", body }));
});

at("remove").addEventListener("click", () => {
  if (at("keep").hidden) {
    askToRemove(true);
    return;
  }
  askToRemove(false);
  const id = selected;
  attempt(at("remove"), at("stage-problem"), () => ask(path(id), { method: "DELETE" }));
});

at("keep").addEventListener("click", () => {
  askToRemove(false);
  at("remove").focus();
});

at("add-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const body = { id: form.elements.id.value.trim(), url: form.elements.url.value.trim() };
  for (const side of ["width", "height"]) {
    if (form.elements[side].value) body[side] = Number(form.elements[side].value);
  }
  const button = form.querySelector("button");
  const problem = at("add-problem");
  const added = await attempt(button, problem, async () => {
    addCard(await ask("/v1/cameras", { method: "POST", body }));
    select(body.id);
  });
  if (added) form.reset();
});

// Token -----------------------------------------------------------------------------------

at("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const value = at("token").value.trim();
  at("token").value = "";
  if (!/^[\x21-\x7e]+$/.test(value)) {
    at("token-problem").textContent = "A token has no spaces and only ASCII characters.";
    return;
  }
  token.set(value);
  tokenRefused = false;
  modelAskedMs = -Infinity;
  refresh();
});

at("change-token").addEventListener("click", () => askForToken(""));

// Poll ------------------------------------------------------------------------------------

/** Ask for everything and show it, unless `isCurrent` says that a later round has begun. */
async function poll(isCurrent) {
  const ready = await ask("/health/ready", { accept: [503] });
  const { cameras: statuses } = await ask("/v1/cameras");
  const modelDue = performance.now() - modelAskedMs > MODEL_MS;
  const model = modelDue ? await ask("/v1/model", { accept: [503] }) : null;
  if (!isCurrent()) return;
  if (model) {
    showModel(model, at("model"), at("audit-state"), at("audit"));
    if (model.manifest) modelAskedMs = performance.now();
  }
  at("token-page").hidden = true;
  at("viewer-page").hidden = false;
  at("viewer-page").classList.remove("stale");
  at("change-token").hidden = !token.get();
  showReady(ready);
  showCameras(statuses);
}

/** A round of polling, and the next one after it. An answer to an older round changes nothing. */
async function refresh() {
  clearTimeout(timer);
  if (tokenRefused) return;
  rounds += 1;
  const round = rounds;
  const isCurrent = () => round === rounds;
  let delayMs = POLL_MS;
  try {
    await poll(isCurrent);
    failures = 0;
  } catch (error) {
    if (!isCurrent()) return;
    if (error.status === 401) {
      refused();
      return;
    }
    if (error instanceof ServiceGone) {
      delayMs = Math.max(POLL_MS, retryDelayMs(failures));
      failures += 1;
      showGone(delayMs);
    } else notice(error.message);
  }
  if (isCurrent()) timer = setTimeout(refresh, delayMs);
}

at("bin").addEventListener("change", () => {
  bin = at("bin").value === "" ? null : Number(at("bin").value);
  for (const camera of cameras.values()) draw(camera);
});

darkness.addEventListener("change", () => {
  colours = divergingColours(getComputedStyle(document.documentElement));
  for (const camera of cameras.values()) draw(camera);
});

document.addEventListener("visibilitychange", () => {
  for (const camera of cameras.values()) camera.follow(!document.hidden);
  if (!document.hidden) refresh();
});

refresh();
