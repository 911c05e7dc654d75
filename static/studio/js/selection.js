// The assets that are chosen in the library, and the bar of what can be done with all of them.

import { create } from "./api.js";
import { announce, byId, confirmation, h, icon, toast } from "./dom.js";
import { collectionPicker, collections } from "./collections.js";
import { act, tagEditor } from "./notes.js";
import { count } from "./words.js";

const MOST_IN_A_ZIP = 1000;

export class Selection {
  /** @param {{changed: () => void, gone: (ids: Set<string>) => void, all: () => any[], collectionId: () => string | undefined}} library */
  constructor(library) {
    this.library = library;
    /** @type {Map<string, any>} */
    this.assets = new Map();
    this.bar = h("div.selection-bar", { role: "toolbar", "aria-label": "Selected assets", hidden: true });
    byId("view-library").append(this.bar);
  }

  get isOpen() {
    return this.assets.size > 0;
  }

  has(asset) {
    return this.assets.has(asset.id);
  }

  toggle(asset) {
    if (!this.assets.delete(asset.id)) this.assets.set(asset.id, asset);
    this.show();
  }

  addAll(assets) {
    for (const asset of assets) this.assets.set(asset.id, asset);
    this.show();
  }

  clear() {
    this.assets.clear();
    this.show();
  }

  /** Some assets are no more. */
  forget(ids) {
    for (const id of ids) this.assets.delete(id);
    this.show();
  }

  show() {
    const { size } = this.assets;
    this.bar.hidden = size === 0;
    document.body.classList.toggle("selecting", size > 0);
    this.library.changed();
    if (!size) return;
    announce(`${count(size)} selected`);
    const isStarred = [...this.assets.values()].every((asset) => asset.favourite);
    const inCollection = this.library.collectionId();
    const putButton = this.button("library", "Collect");
    this.bar.replaceChildren(...[
      this.button("close", "Clear the selection", () => this.clear(), "icon-only"),
      h("strong.selection-count", {}, `${count(size)} selected`),
      h("button.link", { type: "button", onclick: () => this.addAll(this.library.all()) }, "Select all shown"),
      h("span.selection-acts", {},
        this.button("star", isStarred ? "Unstar" : "Star", () => this.star(!isStarred)),
        this.button("tag", "Tag", () => this.tag()),
        collectionPicker(putButton, (collection) => this.collect(collection)),
        inCollection && this.button("close", "Take out", () => this.takeOut(inCollection)),
        this.button("download", "Download", () => this.download()),
        this.button("trash", "Delete", () => this.remove(), "danger-text")),
    ]);
  }

  button(symbol, text, onclick = () => {}, classes = "") {
    const label = h("span.label", { class: classes === "icon-only" ? "visually-hidden" : "label" }, text);
    return h("button.button.ghost.small", { type: "button", class: `button ghost small ${classes}`, onclick }, icon(symbol), label);
  }

  /** Run an act; what it did to the ids it was not refused for is told to `then`. */
  async run(action, more, then) {
    const ids = [...this.assets.keys()];
    this.bar.setAttribute("aria-busy", "true");
    try {
      const skipped = await act(action, ids, more);
      const done = ids.filter((id) => !skipped.has(id));
      then(done);
      return done.length;
    } catch (error) {
      toast(error.message, { kind: "bad" });
      return 0;
    } finally {
      this.bar.removeAttribute("aria-busy");
    }
  }

  async star(isOn) {
    await this.run(isOn ? "favourite" : "unfavourite", {}, (ids) => {
      for (const id of ids) this.assets.get(id).favourite = isOn;
      this.show();
    });
  }

  async collect(collection) {
    const done = await this.run("collect", { collectionId: collection.id }, () => {});
    if (!done) return;
    toast(`${count(done)} put into “${collection.title}”`, { kind: "good" });
    await collections.reload(collection.id);
  }

  async takeOut(collectionId) {
    const done = await this.run("uncollect", { collectionId }, (ids) => this.library.gone(new Set(ids)));
    if (done) await collections.reload(collectionId);
  }

  /** The tags of all that is selected; each addition and removal acts at once. */
  tag() {
    const body = h("div");
    const dialog = h("dialog.ask", { "aria-labelledby": "ask-title" },
      h("h2", { id: "ask-title" }, `Tags of ${count(this.assets.size)} ${this.assets.size === 1 ? "asset" : "assets"}`), body,
      h("div.row.end", {}, h("button.button.primary", { type: "button", onclick: () => dialog.close() }, "Done")));
    const change = async (action, tag) => {
      await this.run(action, { tags: [tag] }, (ids) => {
        for (const id of ids) {
          const asset = this.assets.get(id);
          const others = asset.tags.filter((one) => one.toLowerCase() !== tag.toLowerCase());
          asset.tags = action === "tag" ? [...others, tag] : others;
        }
        this.library.changed();
      });
      draw();
      body.querySelector("input")?.focus();
    };
    const draw = () => {
      const tags = [...new Set([...this.assets.values()].flatMap((asset) => asset.tags))].sort();
      body.replaceChildren(tagEditor({ tags, add: (tag) => change("tag", tag), drop: (tag) => change("untag", tag) }));
    };
    draw();
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  async download() {
    if (this.assets.size > MOST_IN_A_ZIP) {
      toast(`A zip holds up to ${count(MOST_IN_A_ZIP)} files. Select fewer.`, { kind: "bad" });
      return;
    }
    await downloadZip({ assetIds: [...this.assets.keys()] });
  }

  async remove() {
    const { size } = this.assets;
    const text = "They disappear from the library, and links to them stop working.";
    if (!await confirmation({ title: `Delete ${count(size)} ${size === 1 ? "asset" : "assets"} for good?`, text, agree: "Delete" })) return;
    const done = await this.run("delete", {}, (ids) => this.library.gone(new Set(ids)));
    if (done) toast(`${count(done)} deleted`, { kind: "good" });
  }
}

/** Ask for a zip of what `named` says (assetIds, collectionId or filter) and save it. */
export async function downloadZip(named) {
  try {
    const archive = await create("/v1/archives", named);
    h("a", { href: archive.url, download: "" }).click();
    if (archive.skipped.length) toast(`${archive.skipped.length} are gone and not in it.`, { kind: "bad" });
  } catch (error) {
    toast(error.message, { kind: "bad" });
  }
}
