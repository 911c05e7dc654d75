// The library: everything the organization holds, newest first; narrowed by its address, loaded as it is scrolled.

import { get, Pages, post } from "./api.js";
import { announce, byId, h, icon, toast } from "./dom.js";
import { removeAll, starAll } from "./bulk.js";
import { collections } from "./collections.js";
import { asked, FilterBar, isNarrowed, parse } from "./library_filter.js";
import { Grid } from "./library_grid.js";
import { assetTile, sendingTile } from "./library_tile.js";
import { Selection, SelectionBar } from "./selection.js";
import { Sending } from "./sending.js";
import { Shelves, shelfTools } from "./shelves.js";
import { remember } from "./tags.js";
import { ACCEPT } from "./upload.js";
import { openViewer } from "./viewer.js";
import { counted } from "./words.js";

const PAGE = 100;
const TAKEN = [...Object.values(ACCEPT), "text/plain"].join(",");
// A picture's renditions are drawn within seconds; whoever is older and has none shows itself.
const DRAWN_WITHIN_MILLISECONDS = 120_000;

class Library {
  start() {
    this.values = new URLSearchParams();
    /** @type {{key: string, asset: any}[]} */
    this.entries = [];
    this.pages = null;
    this.failure = null;
    this.scrolled = 0;
    this.selection = new Selection({ changed: (assets) => this.showSelected(assets) });
    this.sending = new Sending({ changed: () => this.show(), arrived: (item, asset) => this.arrive(item, asset) });
    this.grid = new Grid(byId("library-tiles"), {
      make: (item, size) => (item.asset ? this.tile(item.asset, size) : sendingTile(item, { cancel: () => this.sending.cancel(item), again: () => this.sending.again(item) })),
      near: () => this.more(),
      press: (event, item) => this.press(event, item.asset),
      walk: (from, to, event) => { if (event.shiftKey && from.asset && to.asset) this.extend(from.asset, to.asset); },
    });
    this.filters = new FilterBar({ choose: (values, isTyping) => this.go(values, isTyping) });
    this.shelves = new Shelves(byId("library-shelves"));
    this.bar = new SelectionBar({ element: byId("library-selection"), selection: this.selection, shown: () => this.assets, collection: () => this.collection });
    this.tools = h("div.shelf-tools");
    byId("library-filters").append(this.filters.element);
    byId("library-tools").append(this.tools, this.uploadButton());
    this.listen();
  }

  get assets() {
    return this.entries.map(({ asset }) => asset);
  }

  /** The collection that is shown, if one is. */
  get collection() {
    return collections.find(this.values.get("collection"));
  }

  listen() {
    addEventListener("library:added", () => { this.isStale = true; if (this.isOpen) this.refresh(); });
    addEventListener("library:removed", (event) => this.drop(/** @type {CustomEvent} */ (event).detail));
    addEventListener("library:changed", (event) => this.renew(/** @type {CustomEvent} */ (event).detail));
    addEventListener("library:collected", (event) => this.collected(/** @type {CustomEvent} */ (event).detail));
    collections.addEventListener("changed", () => { if (this.isOpen) this.title(); });
    addEventListener("scroll", () => { if (this.isOpen) this.scrolled = scrollY; }, { passive: true });
    addEventListener("online", () => { this.offline(false); if (this.isOpen && this.failure) this.again(); });
    addEventListener("offline", () => this.offline(true));
    byId("view-library").addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented && this.selection.chosen.size) this.selection.clear();
    });
  }

  /** Called when the view is shown, with the parameters of its address. True where it goes on where it was left. */
  open(query = "") {
    const values = parse(query);
    const isSame = this.pages && String(values) === String(this.values);
    this.isOpen = true;
    this.values = values;
    this.filters.show(values);
    this.shelves.show(values.get("collection"));
    this.title();
    this.offline(!navigator.onLine);
    if (!isSame) this.reload();
    else {
      this.grid.measure();
      this.grid.render();
      if (this.isStale) this.refresh();
      scrollTo({ top: this.scrolled, behavior: "instant" });
    }
    return isSame;
  }

  close() {
    this.isOpen = false;
  }

  /** Narrow to other values: by the address, so that back, forward and shared links do the same. */
  go(values, isTyping) {
    const hash = `#library${String(values) && "?"}${values}`;
    // One step back leaves the search, not its last letter.
    if (!isTyping || values.has("q") !== this.values.has("q")) location.hash = hash;
    else {
      globalThis.history.replaceState(null, "", hash);
      this.open(String(values));
    }
  }

  title() {
    const { collection } = this;
    byId("library-title").textContent = this.values.has("collection") ? collection?.title ?? "Collection" : "Library";
    byId("library-count").textContent = collection ? counted(collection.assets, "file") : "";
    this.tools.replaceChildren(...(collection ? shelfTools(collection) : []));
    this.bar.update();
  }

  uploadButton() {
    const chooser = h("input.visually-hidden", { type: "file", multiple: true, accept: TAKEN, tabindex: "-1", "aria-label": "Files to upload", onchange: () => { this.addFiles([...chooser.files]); chooser.value = ""; } });
    return h("div", {}, chooser, h("button.button.primary", { type: "button", onclick: () => chooser.click() }, icon("upload"), "Upload"));
  }

  /** Send files here; into the collection that is open, if one is. */
  addFiles(files) {
    this.sending.add(files, this.collection);
    scrollTo({ top: 0 });
  }

  async arrive(item, asset) {
    asset.preview = item.preview;
    if (!this.entries.some((entry) => entry.asset.id === asset.id)) this.entries.unshift(entryOf(asset));
    this.show();
    announce(`${item.file.name} is in the library`);
    if (!item.collection) return;
    try {
      await post(`/v1/collections/${item.collection.id}/assets`, { assetIds: [asset.id] });
      collections.refresh();
    } catch (error) {
      toast(error.message, { kind: "bad" });
    }
  }

  // --- reading ---

  path() {
    const parameters = asked(this.values);
    parameters.set("limit", String(PAGE));
    return `/v1/assets?${parameters}`;
  }

  reload() {
    this.isStale = false;
    this.selection.clear();
    this.pages = new Pages(this.path());
    this.isFresh = true;
    this.failure = null;
    // What was there stays, dimmed, until the answer comes: nothing jumps.
    byId("library-tiles").setAttribute("aria-busy", "true");
    if (!this.entries.length) this.note(h("div.library-tiles.skeletons", { "aria-hidden": "true" }, Array.from({ length: 18 }, () => h("div.skeleton"))));
    this.more();
  }

  async more() {
    const { pages } = this;
    if (!pages || pages.isOver || pages.pending || this.failure) return;
    try {
      const assets = await pages.next();
      if (pages !== this.pages) return;
      this.take(assets);
    } catch (error) {
      if (pages !== this.pages) return;
      this.failure = error;
      if (this.isFresh) this.entries = [];
    }
    byId("library-tiles").removeAttribute("aria-busy");
    this.show();
  }

  take(assets) {
    if (this.isFresh) this.entries = [];
    this.isFresh = false;
    const known = new Set(this.entries.map(({ key }) => key));
    for (const asset of assets) {
      remember(asset.tags);
      if (!known.has(asset.id)) this.entries.push(entryOf(asset));
    }
  }

  /** Something was added somewhere: bring what is newer than the first of these. */
  async refresh() {
    if (!this.pages || this.pages.pending || this.isFresh) return;
    const { pages } = this;
    this.isStale = false;
    try {
      const { data } = await get(this.path());
      if (pages !== this.pages) return;
      const known = new Set(this.entries.map(({ key }) => key));
      const fresh = data.filter(({ id }) => !known.has(id));
      if (known.size && fresh.length === data.length) return this.reload();
      this.entries.unshift(...fresh.map(entryOf));
      this.show();
    } catch {
      this.isStale = true;
    }
  }

  again() {
    this.failure = null;
    if (this.isFresh) this.reload();
    else this.more();
    this.show();
  }

  // --- showing ---

  show() {
    this.grid.set([...this.sending.items, ...this.entries]);
    this.bar.update();
    this.note(this.words());
  }

  note(element) {
    byId("library-note").replaceChildren(...(element ? [element] : []));
  }

  /** What stands below the tiles, or in their place. */
  words() {
    if (this.failure) return this.failed();
    if (this.grid.items.length || this.isFresh) return this.pages?.isOver === false ? h("p.library-more", { role: "status" }, "Loading more…") : null;
    if (isNarrowed(this.values)) {
      return h("div.empty", {}, icon("search"), h("h2", {}, "Nothing matches"), h("p.muted", {}, "No file here is all of that. Words are looked for in prompts and file names."),
        h("button.button", { type: "button", onclick: () => this.filters.clear() }, "Clear filters"));
    }
    if (this.values.has("collection")) {
      return h("div.empty", {}, icon("folder"), h("h2", {}, "This collection is empty"), h("p.muted", {}, "Select files in the library and add them, or drop new ones here."),
        h("a.button", { href: "#library" }, "To the library"));
    }
    return h("div.empty", {}, icon("library"), h("h2", {}, "Your library is empty"),
      h("p.muted", {}, "What you upload and what your jobs make is kept here."), h("a.button.primary", { href: "#create" }, "Make something"));
  }

  failed() {
    const isOddFilter = this.failure.status === 422 || this.failure.status === 400;
    const title = isOddFilter ? "This filter cannot be used" : this.entries.length ? "The rest could not be loaded" : "Your library could not be loaded";
    return h("div.empty", { role: "alert" }, icon("alert"), h("h2", {}, title), h("p.muted", {}, this.failure.errors[0]?.message ?? this.failure.message),
      isOddFilter ? h("a.button", { href: "#library" }, "Clear filters") : h("button.button", { type: "button", onclick: () => this.again() }, "Try again"));
  }

  offline(isOffline) {
    byId("library-offline").hidden = !isOffline;
  }

  tile(asset, size) {
    const isDrawing = asset.kind === "image" && !asset.thumbnails.length && !asset.isSettled;
    if (isDrawing && Date.now() - new Date(asset.createdAt).getTime() < DRAWN_WITHIN_MILLISECONDS) this.settle(asset);
    else if (isDrawing) asset.isSettled = true;
    return assetTile(asset, {
      size,
      isSelected: this.selection.has(asset),
      open: (event) => this.click(event, asset),
      select: (event) => this.choose(event, asset),
      star: () => starAll([asset], !asset.favourite),
    });
  }

  /** Ask for an asset until its renditions are drawn, and show them then. */
  async settle(asset) {
    if (asset.isSettling) return;
    asset.isSettling = true;
    for (let wait = 700; wait < 8000 && !asset.thumbnails.length; wait *= 1.6) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      const now = await get(`/v1/assets/${asset.id}`).catch(() => null);
      if (now) Object.assign(asset, now);
    }
    Object.assign(asset, { isSettled: true, isSettling: false });
    if (asset.preview && asset.thumbnails.length) {
      URL.revokeObjectURL(asset.preview);
      asset.preview = null;
    }
    this.grid.renew(asset.id);
  }

  look(asset) {
    const items = this.entries;
    openViewer(items, items.findIndex((entry) => entry.asset === asset), { near: () => this.more(), left: (last) => this.grid.focus(last.id) });
  }

  renew(assets) {
    for (const asset of assets) {
      const entry = this.entries.find(({ key }) => key === asset.id);
      if (!entry) continue;
      // The same asset may be known to the feed as another object.
      if (entry.asset !== asset) Object.assign(entry.asset, asset);
      this.grid.renew(asset.id);
    }
    this.bar.update();
  }

  drop(assets) {
    const gone = new Set(assets.map(({ id }) => id));
    this.selection.set(this.selection.assets.filter(({ id }) => gone.has(id)), false);
    const held = this.grid.held();
    const place = this.entries.findIndex(({ key }) => key === held);
    this.entries = this.entries.filter(({ key }) => !gone.has(key));
    this.show();
    if (gone.has(held) && this.entries.length) this.grid.focus(this.entries[Math.min(place, this.entries.length - 1)].key);
    collections.refresh();
  }

  collected({ assets, collection, isIn }) {
    if (!isIn && collection.id === this.values.get("collection")) this.drop(assets);
    else if (isIn && collection.id === this.values.get("collection")) this.refresh();
    collections.refresh();
  }

  // --- selecting ---

  showSelected(assets) {
    for (const asset of assets) this.grid.tiles.get(asset.id)?.select(this.selection.has(asset));
    byId("view-library").classList.toggle("selecting", this.selection.chosen.size > 0);
    this.bar.update();
  }

  choose(event, asset) {
    if (event.shiftKey) {
      // The box has turned itself; the selection decides.
      this.selection.reach(asset, this.assets);
      this.showSelected([asset]);
    } else this.selection.toggle(asset);
  }

  /** A click opens, unless some are selected already: then it selects. Enter always opens. */
  click(event, asset) {
    if (event.shiftKey) this.selection.reach(asset, this.assets);
    else if (event.ctrlKey || event.metaKey || this.selection.chosen.size) this.selection.toggle(asset);
    else this.look(asset);
  }

  extend(from, to) {
    if (!this.selection.has(from)) this.selection.toggle(from);
    this.selection.reach(to, this.assets);
  }

  press(event, asset) {
    const isTile = /** @type {HTMLElement} */ (event.target).matches(".thumb-open");
    const isAll = event.key === "a" && (event.ctrlKey || event.metaKey);
    const acts = {
      " ": () => isTile && this.selection.toggle(asset),
      "Enter": () => isTile && this.look(asset),
      "Delete": () => removeAll(this.selection.chosen.size ? this.selection.assets : [asset]),
    };
    if (!asset || !(event.key in acts || isAll) || (!isTile && event.key !== "Delete")) return;
    event.preventDefault();
    if (isAll) this.selection.set(this.assets, true);
    else acts[event.key]();
  }
}

const entryOf = (asset) => ({ key: asset.id, asset });

export const library = new Library();
