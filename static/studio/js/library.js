// The library: everything the organization holds, newest first, narrowed by filters and loaded as it is scrolled.

import { get } from "./api.js";
import { byId, h, icon, toast } from "./dom.js";
import { collections, deleteCollection, renameCollection, shelf } from "./collections.js";
import { Grid } from "./grid.js";
import { Filter, FilterBar } from "./library_filter.js";
import { star } from "./notes.js";
import { downloadZip, Selection } from "./selection.js";
import { upload } from "./upload.js";
import { picture } from "./picture.js";
import { placeholder } from "./thumbhash.js";
import { openViewer } from "./viewer.js";
import { bytes, KIND, seconds } from "./words.js";

const PAGE = 100;
const UPLOADS_AT_ONCE = 3;
const KNOWN_TAGS = 50;
/** How long after an upload its small forms are looked for. */
const THUMBNAIL_MILLISECONDS = [1_000, 3_000, 8_000];

/** @typedef {{asset?: any, page?: any, file?: File, share?: number, element?: HTMLElement | null}} Tile */

class Library {
  start() {
    this.filter = new Filter();
    this.bar = new FilterBar({ change: (next, options) => this.narrow(next, options), knownTags: () => this.knownTags() });
    this.grid = new Grid(byId("library"), { draw: (entry, size) => this.tile(entry, size), onEnd: () => { if (this.isOpen) this.more(); } });
    this.selection = new Selection({
      changed: () => this.showSelection(),
      gone: (ids) => this.drop(ids),
      all: () => this.assets,
      collectionId: () => this.filter.values.collection,
    });
    byId("library-filters").append(this.bar.search, this.uploadButton());
    byId("library-bar").append(this.bar.element);
    byId("library").addEventListener("keydown", (event) => this.key(event));
    collections.addEventListener("changed", () => this.showShelf());
    addEventListener("library:added", () => (this.isOpen ? this.refresh() : this.forget()));
    addEventListener("library:removed", (event) => this.drop(new Set([/** @type {CustomEvent} */ (event).detail.id])));
    addEventListener("library:changed", (event) => this.redraw(/** @type {CustomEvent} */ (event).detail));
  }

  get assets() {
    return this.grid.entries.map((/** @type {Tile} */ entry) => entry.asset).filter(Boolean);
  }

  /** Called when the view is shown or its address changed. */
  open() {
    this.isOpen = true;
    const filter = Filter.here();
    this.bar.show(filter);
    if (!this.shown || filter.hash !== this.filter.hash) {
      this.filter = filter;
      this.reload();
    }
    this.showShelf();
    this.grid.paint();
    if (!this.hasCollections) {
      this.hasCollections = true;
      collections.load().catch((error) => { this.hasCollections = false; toast(error.message, { kind: "bad" }); });
    }
  }

  close() {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.selection.clear();
  }

  forget() {
    this.shown = null;
    this.hasCollections = false;
  }

  /** Another filter: a new entry of the browser's history, unless somebody is typing. */
  narrow(next, { isTyped = false } = {}) {
    if (next.hash === location.hash) return;
    if (isTyped) {
      globalThis.history.replaceState(null, "", next.hash);
      this.open();
    } else {
      location.hash = next.hash;
    }
  }

  // --- loading ------------------------------------------------------------------------------------------------------

  reload() {
    this.selection.clear();
    this.shown = { cursor: null, isOver: false, isLoading: false, hasFailed: false };
    const element = byId("library");
    element.setAttribute("aria-busy", "true");
    this.grid.show([]);
    element.style.blockSize = "";
    element.replaceChildren(...Array.from({ length: 12 }, () => h("div.thumb.skeleton")));
    this.more();
  }

  async page(cursor) {
    const query = this.filter.query;
    query.set("limit", String(PAGE));
    if (cursor) query.set("cursor", cursor);
    return get(`/v1/assets?${query}`);
  }

  async more() {
    const { shown } = this;
    if (!shown || shown.isOver || shown.isLoading || shown.hasFailed) return;
    shown.isLoading = true;
    try {
      const page = { cursor: shown.cursor };
      const { data, next } = await this.page(shown.cursor);
      if (shown !== this.shown) return;
      shown.cursor = next;
      shown.isOver = !next;
      shown.isLoading = false;
      this.settle();
      const known = new Set(this.assets.map((asset) => asset.id));
      this.grid.entries.push(...data.filter((asset) => !known.has(asset.id)).map((asset) => ({ asset, page })));
      this.grid.changed();
      this.showState();
    } catch (error) {
      if (shown !== this.shown) return;
      shown.isLoading = false;
      shown.hasFailed = true;
      this.settle();
      this.showState(error);
    }
  }

  /** What came since the first page was read, put before it. */
  async refresh() {
    const { shown } = this;
    try {
      const { data } = await this.page(null);
      if (shown !== this.shown) return;
      const known = new Set(this.assets.map((asset) => asset.id));
      this.settle();
      this.grid.entries.unshift(...data.filter((asset) => !known.has(asset.id)).map((asset) => ({ asset, page: { cursor: null } })));
      this.grid.changed();
      this.showState();
    } catch {
      this.forget();
    }
  }

  /** Links of a whole page at once: where one has run out, its neighbours have too. */
  async renew(entry) {
    const { page, asset } = entry;
    page.renewal ??= this.page(page.cursor).finally(() => { page.renewal = null; });
    const { data } = await page.renewal;
    const same = data.find((one) => one.id === asset.id) ?? await get(`/v1/assets/${asset.id}`);
    return Object.assign(asset, same);
  }

  settle() {
    const element = byId("library");
    if (!element.hasAttribute("aria-busy")) return;
    element.removeAttribute("aria-busy");
    element.replaceChildren();
  }

  // --- what is on the screen ----------------------------------------------------------------------------------------

  /** @param {Tile} entry */
  tile(entry, size) {
    const { asset } = entry;
    if (!asset) return h("div.cell", { role: "listitem" }, h("div.thumb.developing", { "aria-label": `Uploading ${entry.file?.name}` }, h("div.bar", {}, h("i"))));
    const thumb = h("button.thumb", { type: "button", data: { asset: asset.id }, "aria-label": `Open ${name(asset)}`, onclick: (event) => this.press(entry, event) },
      ...(asset.kind === "image" && asset.status === "ready" ? this.face(entry, size) : [fileFace(asset)]),
      h("span.thumb-caption", {}, asset.prompt || asset.filename || ""));
    const check = h("button.tile-check", { type: "button", role: "checkbox", tabindex: "-1", "aria-label": `Select ${name(asset)}`, onclick: (event) => this.select(entry, event) }, icon("check"));
    const tile = h("div.cell", { role: "listitem" }, thumb, check, star(asset, ".tile-star"));
    tile.querySelector(".tile-star").tabIndex = -1;
    this.mark(tile, asset);
    return tile;
  }

  face(entry, size) {
    const { asset } = entry;
    const ratio = asset.width / asset.height;
    const blur = placeholder(asset.placeholder, ratio);
    const image = picture(asset, { alt: "", width: Math.ceil(size * Math.max(1, ratio)), renew: () => this.renew(entry) });
    image.addEventListener("transitionend", () => blur?.remove(), { once: true });
    return blur ? [blur, image] : [image];
  }

  mark(tile, asset) {
    const isSelected = this.selection.has(asset);
    tile.classList.toggle("selected", isSelected);
    tile.querySelector(".tile-check").setAttribute("aria-checked", String(isSelected));
  }

  showSelection() {
    for (const entry of this.grid.entries) if (entry.element && entry.asset) this.mark(entry.element, entry.asset);
  }

  redraw(asset) {
    const entry = this.grid.entries.find((one) => one.asset?.id === asset.id);
    if (!entry) return;
    if (entry.asset !== asset) Object.assign(entry.asset, asset);
    this.grid.redraw(entry);
  }

  drop(ids) {
    this.grid.entries = this.grid.entries.filter((entry) => !ids.has(entry.asset?.id));
    this.selection.forget(ids);
    this.grid.changed();
    this.showState();
  }

  showShelf() {
    const chosen = this.filter.values.collection ?? null;
    byId("library-shelf").replaceChildren(...shelf(chosen));
    const collection = chosen && collections.find(chosen);
    byId("library-title").textContent = collection ? collection.title : "Library";
    byId("library-crumbs").replaceChildren(...(chosen ? [h("a", { href: "#library" }, icon("left"), "Library")] : []));
    byId("library-acts").replaceChildren(...(collection ? [
      h("button.icon-button", { type: "button", title: "Rename", "aria-label": "Rename the collection", onclick: () => renameCollection(collection) }, icon("edit")),
      h("button.icon-button", { type: "button", title: "Download all", "aria-label": "Download the collection", onclick: () => downloadZip({ collectionId: collection.id }) }, icon("download")),
      h("button.icon-button", { type: "button", title: "Delete", "aria-label": "Delete the collection", onclick: async () => { if (await deleteCollection(collection)) location.hash = "#library"; } }, icon("trash")),
    ] : []));
  }

  /** Below the grid: why there is nothing, or no more. */
  showState(error = null) {
    const state = byId("library-state");
    if (error) {
      state.replaceChildren(h("div.empty", {}, icon("alert"), h("h2", {}, "This could not be loaded"), h("p.muted", {}, error.message),
        h("button.button", { type: "button", onclick: () => { state.replaceChildren(); this.shown.hasFailed = false; this.more(); } }, "Try again")));
    } else if (this.grid.entries.length) {
      state.replaceChildren();
    } else if (this.filter.isNarrowed) {
      state.replaceChildren(h("div.empty", {}, icon("search"), h("h2", {}, "Nothing matches"), h("p.muted", {}, "No asset is all of this at once."),
        h("button.button", { type: "button", onclick: () => this.bar.clear() }, "Clear the filters")));
    } else if (this.filter.values.collection) {
      state.replaceChildren(h("div.empty", {}, icon("library"), h("h2", {}, "Nothing in here yet"), h("p.muted", {}, "Select assets in your library and collect them, or drop files here.")));
    } else {
      state.replaceChildren(h("div.empty", {}, icon("library"), h("h2", {}, "Your library is empty"),
        h("p.muted", {}, "What you upload and what your jobs make is kept here."), h("a.button.primary", { href: "#create" }, "Make something")));
    }
  }

  knownTags() {
    return [...new Set(this.assets.flatMap((asset) => asset.tags))].sort().slice(0, KNOWN_TAGS);
  }

  // --- hands --------------------------------------------------------------------------------------------------------

  /** A click opens; while something is selected, or with a key held, it selects. */
  press(entry, event) {
    if (this.selection.isOpen || event.shiftKey || event.ctrlKey || event.metaKey) this.select(entry, event);
    else this.look(entry.asset);
  }

  select(entry, event) {
    const index = this.grid.entries.indexOf(entry);
    if (event.shiftKey && this.anchor !== undefined) {
      const [from, to] = [Math.min(this.anchor, index), Math.max(this.anchor, index)];
      this.selection.addAll(this.grid.entries.slice(from, to + 1).map((one) => one.asset).filter(Boolean));
    } else {
      this.anchor = index;
      this.selection.toggle(entry.asset);
    }
  }

  key(event) {
    const entry = this.grid.at(event.target);
    if (!entry?.asset || !event.target.classList.contains("thumb")) return;
    if (event.key === " " || event.key === "x") {
      event.preventDefault();
      this.select(entry, event);
    } else if (event.key === "Delete") {
      if (!this.selection.has(entry.asset)) this.selection.toggle(entry.asset);
      this.selection.remove();
    } else if (event.key === "Escape") {
      this.selection.clear();
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.selection.addAll(this.assets);
    }
  }

  look(asset) {
    const items = this.assets.map((one) => ({ asset: one }));
    openViewer(items, items.findIndex((item) => item.asset === asset));
  }

  // --- uploads ------------------------------------------------------------------------------------------------------

  uploadButton() {
    const chooser = h("input.visually-hidden", { type: "file", multiple: true, tabindex: "-1", "aria-label": "Files to upload", onchange: () => { this.addFiles([...chooser.files]); chooser.value = ""; } });
    return h("div", {}, chooser, h("button.button", { type: "button", onclick: () => chooser.click() }, icon("upload"), h("span", {}, "Upload")));
  }

  /** Upload files, a few at once; into the collection that is open. */
  async addFiles(files) {
    this.settle();
    const waiting = files.map((file) => ({ file, share: 0 }));
    this.grid.entries.unshift(...waiting);
    this.grid.changed();
    this.showState();
    const collection = this.filter.values.collection;
    const queue = [...waiting];
    const sent = [];
    const sender = async () => {
      for (let entry = queue.shift(); entry; entry = queue.shift()) {
        const asset = await this.send(entry);
        if (asset) sent.push(asset.id);
      }
    };
    await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, sender));
    if (collection && sent.length) await collections.put(collection, sent).catch((error) => toast(error.message, { kind: "bad" }));
  }

  /** @param {Tile} entry */
  async send(entry) {
    const file = /** @type {File} */ (entry.file);
    try {
      const asset = await upload(file, { onProgress: (share) => {
        const bar = /** @type {any} */ (entry.element?.querySelector(".bar i"));
        if (bar) bar.style.inlineSize = `${share * 100}%`;
      } });
      const twin = this.grid.entries.find((one) => one.asset?.id === asset.id);
      if (twin) this.grid.entries.splice(this.grid.entries.indexOf(twin), 1);
      Object.assign(entry, { asset, file: undefined, page: { cursor: null } });
      this.grid.changed();
      this.grid.redraw(entry);
      this.lookForSmallForms(entry);
      return asset;
    } catch (error) {
      this.grid.entries = this.grid.entries.filter((one) => one !== entry);
      this.grid.changed();
      this.showState();
      toast(`${file.name}: ${error.message}`, { kind: "bad" });
      return null;
    }
  }

  async lookForSmallForms({ asset }) {
    for (const wait of THUMBNAIL_MILLISECONDS) {
      if (asset.kind !== "image" || asset.thumbnails.length) return;
      await new Promise((resolve) => setTimeout(resolve, wait));
      await get(`/v1/assets/${asset.id}`).then((now) => Object.assign(asset, now)).catch(() => {});
    }
  }
}

/** What a person would call it. */
function name(asset) {
  return asset.prompt || asset.filename || `${KIND[asset.kind] ?? asset.kind} of ${new Date(asset.createdAt).toLocaleString("en")}`;
}

function fileFace(asset) {
  const facts = [asset.durationSeconds && seconds(asset.durationSeconds), asset.size && bytes(asset.size)].filter(Boolean);
  return h("span.thumb-file", {}, icon(asset.kind === "audio" ? "audio" : "file"), h("span.thumb-name", {}, asset.filename || KIND[asset.kind] || asset.contentType), h("span.muted", {}, asset.status === "ready" ? facts.join(" · ") : "Being checked"));
}

export const library = new Library();
