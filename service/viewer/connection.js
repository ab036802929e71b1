/** The way to the service: HTTP with the token as a header, windows over a WebSocket. */

const TOKEN_KEY = "anonynoise.token";
const PROTOCOL = "anonynoise.v1";
const TIMEOUT_MS = 8000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15000;

/** The token lives as long as the tab, and never becomes part of a URL. */
export const token = {
  get: () => sessionStorage.getItem(TOKEN_KEY),
  set: (value) => sessionStorage.setItem(TOKEN_KEY, value),
  clear: () => sessionStorage.removeItem(TOKEN_KEY),
};

/** The service said no; `status` is HTTP's, `message` one line. */
export class ServiceError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The service did not answer at all. */
export class ServiceGone extends Error {}

/** FastAPI's `detail`, one line or a list of validation problems, as one line. */
function detailLine(body, status) {
  const detail = body?.detail;
  if (typeof detail === "string") return detail;
  if (Array.isArray(detail)) {
    const problems = detail.map((problem) => {
      const field = (problem.loc ?? []).filter((part) => part !== "body").join(".");
      const text = String(problem.msg ?? "not valid").replace(/^Value error, /, "");
      return field ? `${field}: ${text}` : text;
    });
    return problems.join("; ");
  }
  return `the service answered ${status}`;
}

/** Ask the service; `accept` lists further statuses whose body is an answer, not an error. */
export async function ask(path, { method = "GET", body, accept = [] } = {}) {
  const headers = { Accept: "application/json" };
  if (token.get()) headers.Authorization = `Bearer ${token.get()}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  let answer = null;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    answer = text ? JSON.parse(text) : null;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw new ServiceGone("the service does not answer");
  }
  if (response.ok || accept.includes(response.status)) return answer;
  throw new ServiceError(response.status, detailLine(answer, response.status));
}

function base64url(text) {
  const binary = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte));
  return btoa(binary.join("")).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Delay before attempt `attempt`, doubling, with jitter so that many pages don't come at once. */
export function retryDelayMs(attempt) {
  const delay = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
  return delay * (0.75 + Math.random() / 2);
}

/** A camera's windows, reconnecting until closed; only the newest one is kept to be drawn. */
export class WindowStream {
  constructor(cameraId, onWaiting, onRefused) {
    this.cameraId = cameraId;
    this.onWaiting = onWaiting;
    this.onRefused = onRefused;
    this.newest = null;
    this.attempt = 0;
    this.open();
  }

  open() {
    const url = new URL(`/v1/cameras/${encodeURIComponent(this.cameraId)}/windows`, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.search = "?dtype=float16";
    const protocols = [PROTOCOL];
    if (token.get()) protocols.push(`anonynoise.bearer.${base64url(token.get())}`);
    this.socket = new WebSocket(url, protocols);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => {
      this.attempt = 0;
      this.newest = data;
      this.onWaiting();
    };
    this.socket.onclose = ({ code }) => {
      if (code === 4401) this.onRefused();
      else this.retry();
    };
  }

  retry() {
    this.timer = setTimeout(() => this.open(), retryDelayMs(this.attempt));
    this.attempt += 1;
  }

  /** The newest window not taken yet, or null. */
  take() {
    const message = this.newest;
    this.newest = null;
    return message;
  }

  close() {
    clearTimeout(this.timer);
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close();
  }
}
