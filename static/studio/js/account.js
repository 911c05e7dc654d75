// The doors: sign in, sign up, reset a password, confirm an e-mail address.

import { byId, h } from "./dom.js";
import * as session from "./session.js";

/** Where to go after signing in: a path of this site, or the page that the sign-in stood in for. */
function next() {
  const here = location.pathname.startsWith("/account/sign-") ? "/" : location.pathname;
  const path = new URLSearchParams(location.search).get("next") ?? here;
  return /^\/(?![/\\])/.test(path) ? path : "/";
}

function clear(root) {
  for (const field of root.querySelectorAll(".field")) {
    field.classList.remove("marked");
    field.querySelector(".error")?.remove();
    field.querySelector("input").removeAttribute("aria-invalid");
  }
  const general = root.querySelector(".form-error");
  general.hidden = true;
}

/** Show allauth's errors at their fields, or below the form. */
function show(root, { status, errors }) {
  const general = root.querySelector(".form-error");
  const words = errors.length ? errors : [{ message: status === 429 ? "Too many tries. Please wait a few minutes." : "Something went wrong. Please try again." }];
  for (const { param, message } of words) {
    const field = param && root.querySelector(`.field[data-field="${CSS.escape(param)}"]`);
    if (!field) {
      general.textContent = message;
      general.hidden = false;
      continue;
    }
    const input = field.querySelector("input");
    const note = h("p.error", { id: `${input.id}-error` }, message);
    field.classList.add("marked");
    field.append(note);
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", note.id);
  }
  root.querySelector("[aria-invalid=true]")?.focus();
}

/** Wire a form: `send` gets its values, `arrive` the answer; any other answer is shown as a refusal. */
function form(id, send, arrive) {
  const element = byId(id);
  element?.addEventListener("submit", async (event) => {
    event.preventDefault();
    clear(element);
    const empty = [...element.querySelectorAll("input[required]")].filter((input) => !input.value.trim());
    if (empty.length) return show(element, { status: 400, errors: empty.map((input) => ({ param: input.name, message: "Please fill this in." })) });
    const button = element.querySelector("button[type=submit]");
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    const answer = await send(Object.fromEntries(new FormData(element)), element);
    if (!arrive(answer, element)) show(element, answer);
    button.disabled = false;
    button.removeAttribute("aria-busy");
  });
}

/** True when the answer let the person in, or sent them to confirm their address first. */
function enter({ status, data }) {
  if (status === 200 || status === 409) {
    location.assign(next());
    return true;
  }
  if (status === 401 && data.flows?.some((flow) => flow.id === "verify_email" && flow.is_pending)) {
    location.assign("/account/verify-email");
    return true;
  }
  return false;
}

function said(element, title, text) {
  const card = element.closest(".door-card");
  card.replaceChildren(h("h1", {}, title), h("p.muted", { role: "status" }, text), h("p.door-foot", {}, h("a", { href: "/account/sign-in" }, "To sign in")));
}

form("sign-in", ({ email, password }) => session.signIn(email, password), enter);
form("sign-up", ({ email, password }) => session.signUp(email, password), enter);
form("reset-request", ({ email }) => session.requestReset(email), ({ status }, element) => {
  if (status !== 200) return false;
  said(element, "Look into your inbox", "If there is an account with this address, a link to choose a new password is on its way.");
  return true;
});
form("reset-password", ({ password }, element) => session.resetPassword(element.dataset.key, password), ({ status }, element) => {
  // 401 is allauth's way to say: saved, and not signed in.
  if (status !== 200 && status !== 401) return false;
  said(element, "Your password is saved", "You can sign in with it now.");
  return true;
});

byId("use-demo")?.addEventListener("click", () => {
  const { email, password } = byId("demo").dataset;
  const signIn = byId("sign-in");
  signIn.elements.email.value = email;
  signIn.elements.password.value = password;
  signIn.requestSubmit();
});

async function verify(card) {
  const button = byId("verify-confirm");
  const found = await session.checkEmail(card.dataset.key);
  if (found.status !== 200) {
    byId("verify-words").textContent = "This link does not work any more. It may have been used already, or it is too old.";
    return;
  }
  byId("verify-words").textContent = `Is ${found.data.email} yours? Confirm it to finish.`;
  button.disabled = false;
  // A click confirms, not the page itself: mail programs open links to look at them.
  button.addEventListener("click", async () => {
    button.disabled = true;
    const { status } = await session.verifyEmail(card.dataset.key);
    if (status === 200 || status === 401) {
      byId("verify-words").textContent = "Thank you, your address is confirmed.";
      button.remove();
      setTimeout(() => location.assign(status === 200 ? "/" : "/account/sign-in"), 1200);
    } else {
      show(card, { status, errors: [] });
    }
  });
}

async function offerProviders(root) {
  const { data } = await session.configuration();
  const providers = (data.socialaccount?.providers ?? []).filter((provider) => provider.flows?.includes("provider_redirect"));
  root.hidden = !providers.length;
  root.replaceChildren(...providers.map(({ id, name }) => h("button.button.wide", { type: "button", onclick: () => session.signInWith(id, next()) }, `Continue with ${name}`)),
    h("p.or", {}, "or"));
}

if (byId("verify-email")?.dataset.key) verify(byId("verify-email"));
if (byId("providers")) offerProviders(byId("providers"));
