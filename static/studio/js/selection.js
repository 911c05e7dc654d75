// What is selected in the library, and the bar with what can be done to it.

import { h, icon } from "./dom.js";
import { collectAll, removeAll, starAll, tagAll, zip } from "./bulk.js";
import { askCollection, askTags } from "./library_dialogs.js";
import { count } from "./words.js";

export class Selection {
  /** @param {{changed: (assets: any[]) => void}} options called with the assets that were selected or left */
  constructor({ changed }) {
    this.changed = changed;
    /** @type {Map<string, any>} */
    this.chosen = new Map();
    /** @type {string | null} From where a range is drawn. */
    this.anchor = null;
  }

  get assets() {
    return [...this.chosen.values()];
  }

  has(asset) {
    return this.chosen.has(asset.id);
  }

  set(assets, isOn) {
    const moved = assets.filter((asset) => this.has(asset) !== isOn);
    for (const asset of moved) {
      if (isOn) this.chosen.set(asset.id, asset);
      else this.chosen.delete(asset.id);
    }
    if (moved.length) this.changed(moved);
  }

  toggle(asset) {
    this.anchor = asset.id;
    this.set([asset], !this.has(asset));
  }

  /** Everything from where the last one was chosen up to this one. */
  reach(asset, shown) {
    const ids = shown.map(({ id }) => id);
    const [from, to] = [ids.indexOf(this.anchor), ids.indexOf(asset.id)].sort((left, right) => left - right);
    if (from < 0) return this.toggle(asset);
    this.set(shown.slice(from, to + 1), true);
  }

  clear() {
    this.anchor = null;
    this.set(this.assets, false);
  }
}

/** The bar: hidden while nothing is selected. `collection` is the one that is open. */
export class SelectionBar {
  /** @param {{element: HTMLElement, selection: Selection, shown: () => any[], collection: () => any}} options */
  constructor({ element, selection, shown, collection }) {
    Object.assign(this, { element, selection, shown, collection });
    this.number = h("span.selection-count", { "aria-live": "polite" });
    this.all = this.button("check", "Select all shown", () => selection.set(shown(), true));
    this.star = this.button("star", "Favourite", () => starAll(selection.assets, !this.areStarred()));
    this.out = this.button("minus", "Take out", () => collectAll(selection.assets, collection(), false));
    this.untag = this.button("untag", "Remove tags", () => this.removeTags());
    element.append(
      h("button.icon-button", { type: "button", "aria-label": "Clear the selection", title: "Clear the selection (Esc)", onclick: () => selection.clear() }, icon("close")),
      this.number, this.all, h("span.selection-gap"),
      this.star, this.button("tag", "Add tags", () => this.addTags()), this.untag,
      this.button("folder", "Add to collection", () => this.collect()), this.out,
      this.button("download", "Download zip", () => zip(selection.assets)),
      this.button("trash", "Delete", () => removeAll(selection.assets)));
    element.lastElementChild.classList.add("danger-text");
  }

  button(symbol, words, act) {
    const button = h("button.selection-act", { type: "button", "aria-label": words, title: words }, icon(symbol), h("span.label", {}, words));
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await act();
      } finally {
        button.disabled = false;
      }
    });
    return button;
  }

  areStarred() {
    return this.selection.assets.every((asset) => asset.favourite);
  }

  async addTags() {
    const { assets } = this.selection;
    const tags = await askTags({ title: "Add tags", agree: "Add" });
    if (tags?.length) await tagAll(assets, tags, true);
  }

  async removeTags() {
    const { assets } = this.selection;
    const present = new Map(assets.flatMap((asset) => asset.tags).map((tag) => [tag.toLowerCase(), tag]));
    const tags = await askTags({ title: "Remove tags", agree: "Remove", present: [...present.values()].sort() });
    if (tags?.length) await tagAll(assets, tags, false);
  }

  async collect() {
    const { assets } = this.selection;
    const collection = await askCollection();
    if (collection) await collectAll(assets, collection, true);
  }

  update() {
    const { size } = this.selection.chosen;
    this.element.hidden = !size;
    if (!size) return;
    const starred = this.areStarred() ? "Take out of favourites" : "Favourite";
    this.number.textContent = `${count(size)} selected`;
    this.star.setAttribute("aria-label", starred);
    this.star.title = starred;
    this.star.querySelector(".label").textContent = starred;
    this.star.setAttribute("aria-pressed", String(this.areStarred()));
    this.untag.hidden = !this.selection.assets.some((asset) => asset.tags.length);
    this.out.hidden = !this.collection();
    this.all.hidden = size >= this.shown().length;
  }
}
