// The HTTP API: session cookie with CSRF, the chosen organization, problems as exceptions, safe repeats.

/** A refusal of the API (RFC 9457), or a request that never got an answer (`status` 0). */
export class Problem extends Error {
  constructor(status, body = {}, headers = new Headers()) {
    super(body.detail || body.title || FALLBACKS[status] || "Something went wrong on our side. Please try again.");
    this.status = status;
    this.code = body.code ?? (status ? "" : "unreachable");
    this.errors = body.errors ?? [];
    this.facts = body;
    this.requestId = body.requestId ?? headers.get("X-Request-Id") ?? "";
    this.retryAfterSeconds = Number(headers.get("Retry-After")) || 0;
  }
}

const FALLBACKS = {
  0: "The server cannot be reached. Check your connection.",
  401: "You are signed out.",
  403: "You may not do this.",
  404: "This does not exist (any more).",
  413: "This is too large.",
  429: "Too many requests. Please wait a moment.",
  503: "The service is busy. Please try again in a moment.",
};

const ORGANIZATION = "studio.organization";

/** The organization that requests act for; null is the personal one. */
export function organizationId() {
  return localStorage.getItem(ORGANIZATION);
}

export function chooseOrganization(id) {
  if (id) localStorage.setItem(ORGANIZATION, id);
  else localStorage.removeItem(ORGANIZATION);
}

export function csrfToken() {
  return document.cookie.match(/(?:^|; )(?:__Host-csrf|csrftoken)=([^;]+)/)?.[1] ?? "";
}

/** The headers every request of ours carries. */
export function ownHeaders() {
  const headers = { Accept: "application/json", "X-CSRFToken": csrfToken() };
  const organization = organizationId();
  if (organization) headers["X-Organization-Id"] = organization;
  return headers;
}

/** crypto.randomUUID exists on https and localhost only; a key is made anywhere. */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * @param {string} method
 * @param {string} path
 * @param {{body?: unknown, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 */
export async function call(method, path, { body, headers = {}, signal } = {}) {
  const init = { method, headers: { ...ownHeaders(), ...headers }, signal, credentials: /** @type {const} */ ("same-origin") };
  if (body !== undefined) {
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0);
  }
  if (response.ok) return response.status === 204 ? null : response.json();
  throw refusal(response.status, await response.json().catch(() => ({})), response.headers);
}

/** Turn a refused answer into a Problem; an ended session leads to the door. */
export function refusal(status, body, headers) {
  if (status === 401) {
    location.assign(`/account/sign-in?next=${encodeURIComponent(location.pathname + location.hash)}`);
  }
  return new Problem(status, body, headers);
}

export const get = (path, options) => call("GET", path, options);
export const post = (path, body, options) => call("POST", path, { body, ...options });
export const patch = (path, body, options) => call("PATCH", path, { body, ...options });
export const remove = (path, options) => call("DELETE", path, options);

/** POST that creates once: repeated under the same key when no answer came, so a lost answer is never paid twice. */
export async function create(path, body) {
  const headers = { "Idempotency-Key": newKey() };
  for (let attempt = 1; ; attempt++) {
    try {
      return await post(path, body, { headers });
    } catch (error) {
      const isLost = error instanceof Problem && (error.status === 0 || error.status === 502 || error.status === 504);
      if (!isLost || attempt === 4) throw error;
      await pause(500 * 2 ** attempt);
    }
  }
}

/** The pages of a list, one after another. */
export class Pages {
  constructor(path) {
    this.path = path;
    this.cursor = null;
    this.isOver = false;
    this.pending = null;
  }

  /** The next page's rows; calls that overlap share one request, and none is made after the last page. */
  next() {
    if (this.isOver) return Promise.resolve([]);
    if (this.pending) return Promise.resolve([]);
    const separator = this.path.includes("?") ? "&" : "?";
    const path = this.cursor ? `${this.path}${separator}cursor=${encodeURIComponent(this.cursor)}` : this.path;
    this.pending = get(path).then((page) => {
      this.cursor = page.next;
      this.isOver = !page.next;
      return page.data;
    }).finally(() => { this.pending = null; });
    return this.pending;
  }
}
