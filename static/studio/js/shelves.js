// The collections beside the library: to open, to make; and what can be done to the open one.

import { confirmation, h, icon, toast } from "./dom.js";
import { collections } from "./collections.js";
import { askNewCollection, askTitle, cover } from "./library_dialogs.js";
import { count } from "./words.js";

const address = (id) => (id ? `#library?collection=${id}` : "#library");

/** @param {HTMLElement} element */
export class Shelves {
  constructor(element) {
    this.element = element;
    this.open = null;
    this.list = h("ul.shelf-list");
    element.append(
      h("div.shelf-head", {}, h("h2", {}, "Collections"),
        h("button.icon-button", { type: "button", "aria-label": "New collection", title: "New collection", onclick: () => this.make() }, icon("plus"))),
      this.list);
    collections.addEventListener("changed", () => this.draw());
  }

  async show(openId) {
    this.open = openId;
    try {
      await collections.all();
    } catch (error) {
      toast(error.message, { kind: "bad" });
    }
    this.draw();
  }

  draw() {
    const item = (id, face, title, number) => h("li", {}, h("a.shelf", { href: address(id), "aria-current": (this.open ?? "") === id ? "page" : null }, face, h("span.shelf-title", {}, title),
      number === null ? null : h("span.shelf-count", { "aria-label": `${count(number)} files` }, count(number))));
    this.list.replaceChildren(
      item("", h("span.cover", { "aria-hidden": "true" }, icon("library")), "Everything", null),
      ...(collections.known ?? []).map((one) => item(one.id, cover(one), one.title, one.assets)),
      ...(collections.known?.length === 0 ? [h("li.hint.shelf-hint", {}, "Put files together that belong together.")] : []));
  }

  async make() {
    const made = await askNewCollection();
    if (made) location.hash = address(made.id);
  }
}

/** Buttons for the open collection. */
export function shelfTools(collection) {
  const rename = () => askTitle({ title: "Rename the collection", label: "Title", value: collection.title, agree: "Rename", send: (title) => collections.rename(collection, title) });
  const remove = async () => {
    if (!await confirmation({ title: "Delete this collection?", text: `“${collection.title}” goes; the files in it stay in the library.`, agree: "Delete collection" })) return;
    try {
      await collections.remove(collection);
      location.hash = "#library";
      toast("Collection deleted. Its files are still in the library.", { kind: "good" });
    } catch (error) {
      toast(error.message, { kind: "bad" });
    }
  };
  return [
    h("button.icon-button", { type: "button", "aria-label": "Rename collection", title: "Rename collection", onclick: rename }, icon("edit")),
    h("button.icon-button", { type: "button", "aria-label": "Delete collection", title: "Delete collection", onclick: remove }, icon("trash"))];
}
