/** The selected camera, large: its state and figures. Its picture is drawn by its view. */

import { at, fillList, setBadge } from "./elements.js";
import { dropsLine, milliseconds, percent, rate, short, stateLine, whole } from "./words.js";

/** What a recognizer beside the service sees in the camera's windows, or why it does not say. */
function showRecognized({ status, task }) {
  const { state, recognized, recognition_problem: problem } = status;
  at("recognized").hidden = !recognized && !problem && !task;
  at("recognized").classList.toggle("missing", Boolean(problem));
  // Of the last window there was, however long ago.
  at("recognized").classList.toggle("past", state !== "streaming");
  at("recognized-task").textContent = problem ? "no label:" : recognized?.task ?? task;
  // Where too little happens for a label its place stays, so that the page does not jump.
  at("recognized-label").textContent = recognized?.label ?? (problem ? "" : "–");
  at("recognized-probability").textContent = recognized ? percent(recognized.probability) : problem ?? "";
}

/** Show the camera's state and figures; without a camera there is no stage. */
export function showStage(camera) {
  at("stage").hidden = !camera;
  if (!camera) return;
  const { status } = camera;
  at("stage-name").textContent = status.id;
  setBadge(at("stage-state"), status.state);
  at("stage-reason").textContent = camera.problem || stateLine(status);
  at("pause").textContent = status.enabled ? "Pause" : "Resume";
  at("picture").setAttribute("aria-label", `Anonymized window of camera ${status.id}`);
  if (!camera.window) {
    const canvas = at("picture");
    canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    at("picture-empty").hidden = false;
  }
  showRecognized(camera);
  const drops = dropsLine(status.dropped);
  const sensor = status.sensor;
  fillList(at("figures"), [
    ["Windows/s", rate(status.windows_per_s)],
    ["Events/s", short(status.events_per_s)],
    ["Latency", milliseconds(status.latency_ms)],
    ["Windows", whole(status.windows)],
    ["Events", short(status.events), "", whole(status.events)],
    ["Outside sensor", whole(status.outside)],
    ["Segment / seq", `${whole(status.segment)} / ${whole(status.seq)}`],
    ["Subscribers", whole(status.subscribers)],
    ["Queue", whole(status.queue)],
    ["Reconnects", whole(status.reconnects)],
    ["Sensor", sensor ? `${sensor.width} × ${sensor.height}` : "–"],
    ["Drops", drops, drops === "none" ? "" : "alert"],
    ["Address", status.url, "wide"],
  ]);
}
