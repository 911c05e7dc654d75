// Signing in and out through allauth's headless API, with the session cookie.

import { csrfToken } from "./api.js";

const ROOT = "/_allauth/browser/v1";

/** @returns {Promise<{status: number, data: any, errors: {message: string, code: string, param?: string}[], meta: any}>} */
async function ask(method, path, body, headers = {}) {
  try {
    const response = await fetch(ROOT + path, {
      method,
      credentials: "same-origin",
      headers: { "Accept": "application/json", "Content-Type": "application/json", "X-CSRFToken": csrfToken(), ...headers },
      body: body && JSON.stringify(body),
    });
    const answer = await response.json().catch(() => ({}));
    return { status: response.status, data: answer.data ?? {}, errors: answer.errors ?? [], meta: answer.meta ?? {} };
  } catch {
    return { status: 0, data: {}, errors: [{ message: "The server cannot be reached. Check your connection.", code: "unreachable" }], meta: {} };
  }
}

export const signIn = (email, password) => ask("POST", "/auth/login", { email, password });
export const signUp = (email, password) => ask("POST", "/auth/signup", { email, password });
export const signOut = () => ask("DELETE", "/auth/session");
export const requestReset = (email) => ask("POST", "/auth/password/request", { email });
export const checkReset = (key) => ask("GET", "/auth/password/reset", undefined, { "X-Password-Reset-Key": key });
export const resetPassword = (key, password) => ask("POST", "/auth/password/reset", { key, password });
export const checkEmail = (key) => ask("GET", "/auth/email/verify", undefined, { "X-Email-Verification-Key": key });
export const verifyEmail = (key) => ask("POST", "/auth/email/verify", { key });
export const configuration = () => ask("GET", "/config");

/** Leave for another service's sign-in page: a real form post, since the answer is a redirect across origins. */
export function signInWith(provider, next) {
  const form = document.createElement("form");
  form.method = "POST";
  form.action = `${ROOT}/auth/provider/redirect`;
  const fields = { provider, process: "login", callback_url: next, csrfmiddlewaretoken: csrfToken() };
  for (const [name, value] of Object.entries(fields)) {
    const input = document.createElement("input");
    Object.assign(input, { type: "hidden", name, value });
    form.append(input);
  }
  document.body.append(form);
  form.submit();
}
