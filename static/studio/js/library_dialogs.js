// The questions the library asks: a title, tags, a collection.

import { h, icon } from "./dom.js";
import { collections } from "./collections.js";
import { picture } from "./picture.js";
import { tagChips } from "./tags.js";
import { counted } from "./words.js";

let number = 0;

/** Show a dialog until it is closed; resolves to what `answer` was given before, or null. */
function ask(title, build) {
  const id = `ask-${number += 1}`;
  let given = null;
  const dialog = h("dialog.ask", { "aria-labelledby": id });
  const answer = (value) => { given = value; dialog.close(); };
  dialog.append(h("h2", { id }, title), build(answer, () => dialog.close()));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => { dialog.remove(); resolve(given); }));
}

/** Ask for a line of text until `send` takes it; resolves to what `send` made of it, or null. */
export function askTitle({ title, label, value = "", agree, send }) {
  return ask(title, (answer, leave) => {
    const refusal = h("p.error", { role: "alert", hidden: true });
    const input = h("input", { type: "text", "aria-label": label, value, maxlength: "100", required: true, autofocus: true });
    const button = h("button.button.primary", { type: "submit" }, agree);
    return h("form", { onsubmit: async (event) => {
      event.preventDefault();
      if (!input.value.trim()) return input.focus();
      button.disabled = true;
      try {
        answer(await send(input.value.trim()));
      } catch (error) {
        refusal.textContent = error.errors?.[0]?.message ?? error.message;
        refusal.hidden = false;
        input.focus();
      }
      button.disabled = false;
    } }, h("div.field", {}, input, refusal), h("div.row.end", {}, h("button.button", { type: "button", onclick: leave }, "Cancel"), button));
  });
}

/** Ask for tags: new ones, or some of those that are `present`. Resolves to them, or null. */
export function askTags({ title, agree, present = null }) {
  return ask(title, (answer, leave) => {
    const editor = present ? choices(present) : tagChips([], { change: () => {} });
    return h("form", { onsubmit: (event) => { event.preventDefault(); answer(editor.tags()); } },
      editor.element, h("div.row.end", {}, h("button.button", { type: "button", onclick: leave }, "Cancel"), h("button.button.primary", { type: "submit" }, agree)));
  });
}

function choices(tags) {
  const boxes = tags.map((value) => h("input", { type: "checkbox", value }));
  return {
    element: h("div.tag-choices", {}, boxes.map((box) => h("label.check", {}, box, box.value))),
    tags: () => boxes.filter((box) => box.checked).map((box) => box.value),
  };
}

export const askNewCollection = () => askTitle({ title: "New collection", label: "Title", agree: "Create", send: (title) => collections.create(title) });

/** Ask for a collection, an existing or a new one; `held` are those not to be offered. Resolves to it, or null. */
export async function askCollection({ held = [] } = {}) {
  const offered = (await collections.all()).filter(({ id }) => !held.some((one) => one.id === id));
  if (!offered.length) return askNewCollection();
  const chosen = await ask("Add to collection", (answer, leave) => h("div", {},
    h("div.collection-choices", {},
      h("button.menu-item", { type: "button", onclick: () => answer("new") }, icon("plus"), "New collection"),
      offered.map((collection) => h("button.menu-item", { type: "button", onclick: () => answer(collection) }, cover(collection), h("span.grow", {}, collection.title), h("span.muted", {}, counted(collection.assets, "file"))))),
    h("div.row.end", {}, h("button.button", { type: "button", onclick: leave }, "Cancel"))));
  return chosen === "new" ? askNewCollection() : chosen;
}

/** The newest of a collection's assets, small. */
export function cover(collection) {
  const first = collection.covers.find((asset) => asset.kind === "image");
  return h("span.cover", { "aria-hidden": "true" }, first ? picture(first, { alt: "", width: 96 }) : icon("folder"));
}
