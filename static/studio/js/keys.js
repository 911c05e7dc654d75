// The API keys page: list, create, show the secret once with a line that works, revoke.

import { create, get, remove } from "./api.js";
import { byId, confirmation, copy, h, icon, toast } from "./dom.js";
import { startShell } from "./shell.js";
import { ago, clock } from "./words.js";

const list = byId("keys");

async function load() {
  try {
    const { data } = await get("/v1/api-keys?limit=100");
    show(data.filter((key) => !key.revokedAt));
  } catch (error) {
    list.replaceChildren(h("div.notice.bad", { role: "alert" }, icon("alert"), h("p", {}, error.message)));
  }
  list.removeAttribute("aria-busy");
}

function show(keys) {
  if (!keys.length) {
    list.replaceChildren(h("div.empty", {}, icon("key"), h("h2", {}, "No keys yet"), h("p.muted", {}, "Create one for each program that will use the API.")));
    return;
  }
  list.replaceChildren(h("ul.key-list", {}, keys.map((key) => h("li", {},
    h("span.job-icon", {}, icon("key")),
    h("div.grow", {}, h("strong", {}, key.name), h("p.meta", {}, h("code", {}, `${key.prefix}…`), h("span.dot", {}, "·"), h("span", { title: clock(key.createdAt) }, `made ${ago(key.createdAt)}`),
      h("span.dot", {}, "·"), h("span", {}, key.lastUsedAt ? `used ${ago(key.lastUsedAt)}` : "never used"),
      key.expiresAt ? [h("span.dot", {}, "·"), h("span", {}, `until ${clock(key.expiresAt)}`)] : null)),
    h("button.button.small.danger-text", { type: "button", "aria-label": `Revoke ${key.name}`, onclick: () => revoke(key) }, "Revoke")))));
}

async function revoke(key) {
  if (!await confirmation({ title: `Revoke “${key.name}”?`, text: "Programs that use it are refused from this moment on.", agree: "Revoke" })) return;
  try {
    await remove(`/v1/api-keys/${key.id}`);
    toast("Revoked", { kind: "good" });
  } catch (error) {
    toast(error.message, { kind: "bad" });
  }
  load();
}

/** The secret, this once, and a line of shell that makes a first picture with it. */
function reveal(key) {
  const line = [
    `curl -X POST ${location.origin}/v1/jobs`,
    `-H 'Authorization: Bearer ${key.key}'`,
    "-H 'Content-Type: application/json'",
    "-H 'Prefer: wait=30'",
    `-d '${JSON.stringify({ operation: "generate", model: "sandbox/v1", input: { prompt: "a lighthouse at dusk" } })}'`,
  ].join(" \\\n  ");
  byId("fresh-key").replaceChildren(h("section.card.fresh", { "aria-label": "Your new key" },
    h("h2", {}, icon("check"), `“${key.name}” is ready`),
    h("p.muted", {}, "Copy it now: only a fingerprint of it is kept, and it will not be shown again."),
    secret(key.key, "Copy key"),
    h("h3", {}, "Try it"),
    secret(line, "Copy command")));
}

function secret(text, words) {
  return h("div.secret", {}, h("pre", { tabindex: "0" }, text), h("button.button.small", { type: "button", onclick: () => copy(text) }, icon("copy"), words));
}

byId("new-key").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = /** @type {any} */ (event.target);
  const name = form.elements.name.value.trim();
  if (!name) return form.elements.name.focus();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const key = await create("/v1/api-keys", { name });
    // A repeat after a lost answer tells of the key without its secret, which nobody has then.
    if (key.key) reveal(key);
    else toast("The answer with the key got lost on its way. Revoke it and create another.", { kind: "bad" });
    form.reset();
    load();
  } catch (error) {
    toast(error.message, { kind: "bad" });
  }
  button.disabled = false;
});

startShell().then((organization) => { if (organization) byId("keys-organization").textContent = organization.isPersonal ? "you" : organization.name; });
load();
