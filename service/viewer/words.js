/** Numbers and states as a person reads them. */

const WHOLE = new Intl.NumberFormat("en");
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

const STATE_MEANS = {
  connecting: "Trying to reach the camera.",
  quiet: "Connected; no events at the moment.",
  waiting: "No connection; it will be tried again.",
  paused: "Paused: nothing is read from this camera.",
  finished: "The recording has been played to its end.",
  failed: "This camera stopped with an error.",
};

export const whole = (number) => (number == null ? "–" : WHOLE.format(number));
export const short = (number) => (number == null ? "–" : SHORT.format(number));
export const rate = (number) => (number == null ? "–" : number.toFixed(number < 100 ? 1 : 0));
export const percent = (share) => `${Math.round(100 * share)} %`;
export const milliseconds = (number) =>
  number == null ? "–" : `${number.toFixed(number < 10 ? 1 : 0)} ms`;

const DATE = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];
const RELATIVE = new Intl.RelativeTimeFormat("en");

/** A moment in ISO form, in this browser's time zone. */
export const date = (moment) => DATE.format(new Date(moment));

/** `3 hours ago`, from an age in seconds. */
export function ago(age) {
  const [unit, seconds] = UNITS.find(([, length]) => Math.abs(age) >= 2 * length) ?? UNITS.at(-1);
  return RELATIVE.format(-Math.round(age / seconds), unit);
}

/** Why a camera is in its state: the service's reason, or what the state means. */
export const stateLine = ({ state, reason }) => reason || STATE_MEANS[state] || "";

/** Drops by cause, largest first, or that there were none. */
export function dropsLine(dropped) {
  const causes = Object.entries(dropped ?? {}).filter(([, count]) => count > 0);
  if (!causes.length) return "none";
  causes.sort((a, b) => b[1] - a[1]);
  return causes.map(([cause, count]) => `${cause.replaceAll("_", " ")} ${whole(count)}`).join(", ");
}
