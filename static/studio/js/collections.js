// The organization's collections: the shelf above the library, and the panel that puts assets into one.

import { create, get, Pages, patch, post, remove } from "./api.js";
import { ask, confirmation, disclose, h, icon, toast } from "./dom.js";
import { picture } from "./picture.js";
import { count } from "./words.js";

const AT_ONCE = 1000;

class Collections extends EventTarget {
  constructor() {
    super();
    /** @type {any[]} */
    this.all = [];
  }

  async load() {
    const pages = new Pages("/v1/collections?limit=100");
    const all = [];
    while (!pages.isOver) all.push(...await pages.next());
    this.all = all;
    this.tell();
  }

  find(id) {
    return this.all.find((one) => one.id === id) ?? null;
  }

  async add(title) {
    const made = await create("/v1/collections", { title });
    this.all.unshift(made);
    this.tell();
    return made;
  }

  async rename(id, title) {
    Object.assign(this.find(id), await patch(`/v1/collections/${id}`, { title }));
    this.tell();
  }

  async drop(id) {
    await remove(`/v1/collections/${id}`);
    this.all = this.all.filter((one) => one.id !== id);
    this.tell();
  }

  /** Put assets into a collection; those that are in it stay. */
  async put(id, assetIds) {
    for (let from = 0; from < assetIds.length; from += AT_ONCE) await post(`/v1/collections/${id}/assets`, { assetIds: assetIds.slice(from, from + AT_ONCE) });
    await this.reload(id);
  }

  /** Read one again: what is in it changed. */
  async reload(id) {
    const one = this.find(id);
    if (one) Object.assign(one, await get(`/v1/collections/${id}`));
    this.tell();
  }

  tell() {
    this.dispatchEvent(new Event("changed"));
  }
}

export const collections = new Collections();

/** The row of collections; `chosenId` is the one that is open. */
export function shelf(chosenId) {
  const cards = collections.all.map((one) => h("a.shelf-card", { href: `#library?collection=${one.id}`, "aria-current": one.id === chosenId ? "page" : null },
    h("span.shelf-cover", {}, one.covers[0]?.kind === "image" ? picture(one.covers[0], { alt: "", width: 44 }) : icon("library")),
    h("span.shelf-words", {}, h("span.shelf-title", {}, one.title), h("span.muted", {}, `${count(one.assets)} ${one.assets === 1 ? "asset" : "assets"}`))));
  return [...cards, h("button.shelf-card.new", { type: "button", onclick: () => newCollection() }, h("span.shelf-cover", {}, icon("plus")), h("span.shelf-words", {}, h("span.shelf-title", {}, "New collection")))];
}

/** Ask for a title and make a collection; resolves to it, or to null. */
export async function newCollection() {
  const title = await ask({ title: "New collection", label: "Title", agree: "Create" });
  if (!title) return null;
  try {
    return await collections.add(title);
  } catch (error) {
    toast(error.message, { kind: "bad" });
    return null;
  }
}

export async function renameCollection(collection) {
  const title = await ask({ title: "Rename the collection", label: "Title", value: collection.title, agree: "Rename" });
  if (!title || title === collection.title) return;
  try {
    await collections.rename(collection.id, title);
  } catch (error) {
    toast(error.message, { kind: "bad" });
  }
}

/** Resolves to true when it is gone; its assets stay. */
export async function deleteCollection(collection) {
  if (!await confirmation({ title: `Delete “${collection.title}”?`, text: "What is in it stays in your library.", agree: "Delete" })) return false;
  try {
    await collections.drop(collection.id);
    return true;
  } catch (error) {
    toast(error.message, { kind: "bad" });
    return false;
  }
}

/** A button with a panel of collections; `put` gets the one that was chosen or made. */
export function collectionPicker(button, put) {
  const panel = h("div.menu-panel", {});
  const draw = () => panel.replaceChildren(
    h("p.menu-title", {}, "Put into"),
    ...collections.all.map((one) => h("button.menu-item", { type: "button", onclick: () => choose(one) }, icon("library"), one.title)),
    h("button.menu-item", { type: "button", onclick: async () => choose(await newCollection()) }, icon("plus"), "New collection…"));
  const choose = (one) => {
    if (!panel.hidden) button.click();
    if (one) put(one);
  };
  button.setAttribute("aria-haspopup", "true");
  // Before it opens: what there is may have changed since.
  button.addEventListener("click", draw);
  disclose(button, panel);
  return h("div.menu.upwards", {}, button, panel);
}
