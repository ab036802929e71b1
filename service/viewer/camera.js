/** One camera on the page: its card, its stream, and the newest window drawn. */

import { WindowStream } from "./connection.js";
import { setBadge } from "./elements.js";
import { decodeMessage } from "./message.js";
import { drawDifference, polarityDifference, robustScale } from "./picture.js";
import { rate, short, stateLine } from "./words.js";

/** How much of the scale a new window changes, so that brightness does not flicker. */
const SCALE_SHARE = 0.2;

export class CameraView {
  constructor(status, template, { onSelect, onRefused, onWindow }) {
    this.onRefused = onRefused;
    this.onWindow = onWindow;
    this.item = template.content.cloneNode(true).firstElementChild;
    const find = (selector) => this.item.querySelector(selector);
    this.canvas = find("canvas");
    this.badge = find(".badge");
    this.label = find(".card-label");
    this.rate = find(".card-rate");
    this.reason = find(".card-reason");
    this.button = find("button");
    find(".card-name").textContent = status.id;
    this.button.addEventListener("click", onSelect);
    this.window = null;
    this.metadata = null;
    this.problem = "";
    /** What its labels are of, once it had one. */
    this.task = "";
    this.scale = 0;
    this.stream = null;
    this.drawing = false;
    this.update(status);
  }

  update(status) {
    this.status = status;
    this.task = status.recognized?.task ?? this.task;
    setBadge(this.badge, status.state);
    const moving = status.state === "streaming";
    this.label.textContent = (moving && status.recognized?.label) || "";
    this.rate.textContent = moving
      ? `${rate(status.windows_per_s)} windows/s · ${short(status.events_per_s)} events/s`
      : "";
    this.reason.textContent = moving ? status.reason ?? "" : stateLine(status);
  }

  mark(selected) {
    if (selected) this.button.setAttribute("aria-current", "true");
    else this.button.removeAttribute("aria-current");
  }

  /** Stream while `wanted`; a page nobody looks at costs the service nothing. */
  follow(wanted) {
    if (wanted && !this.stream) {
      this.stream = new WindowStream(this.status.id, () => this.schedule(), this.onRefused);
    } else if (!wanted && this.stream) {
      this.stream.close();
      this.stream = null;
    }
  }

  /** Draw once before the next frame, however many windows arrive until then. */
  schedule() {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      const message = this.stream?.take();
      if (!message) return;
      try {
        this.window = decodeMessage(message);
        this.metadata = this.window.metadata;
        this.problem = "";
      } catch (error) {
        this.problem = error instanceof SyntaxError ? "window message not readable" : error.message;
        return;
      }
      this.onWindow(this);
    });
  }

  /** Time bins of the newest window, or 0. */
  get bins() {
    return this.window ? this.window.shape[0] / 2 : 0;
  }

  /** Draw the newest window on the card and on `canvases`; `bin` null sums all time bins. */
  draw(bin, colours, canvases) {
    if (!this.window) return;
    const [, height, width] = this.window.shape;
    const difference = polarityDifference(this.window, bin < this.bins ? bin : null);
    const scale = robustScale(difference);
    this.scale = this.scale ? this.scale + (scale - this.scale) * SCALE_SHARE : scale;
    drawDifference(difference, width, height, this.scale, colours, [this.canvas, ...canvases]);
  }

  remove() {
    this.follow(false);
    this.item.remove();
  }
}
