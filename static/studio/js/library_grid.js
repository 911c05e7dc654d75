// A grid of square tiles of which only those near the screen exist, however many there are; arrows walk through it.

// So many pixels above and below the screen are kept ready: more than a wheel moves between two frames.
const AHEAD = 600;
// The next page is asked for when its place comes so near.
const NEAR = 2400;
const GAP = { narrow: 6, wide: 10 };
const SMALLEST = { narrow: 108, wide: 168 };
const WIDE = 640;

/**
 * @typedef {{key: string}} Item
 * @typedef {{element: HTMLElement, stop: HTMLElement | null, leave?: () => void, resize?: (size: number) => void}} Tile
 */

export class Grid {
  /**
   * `make` makes the tile of an item, whose `stop` takes the focus; `near` is called when the end comes near; `press`
   * gets the keys that are not for walking.
   * @param {HTMLElement} element
   * @param {{make: (item: any, size: number) => Tile, near: () => void, press: (event: KeyboardEvent, item: any) => void, walk: (from: any, to: any, event: KeyboardEvent) => void}} options
   */
  constructor(element, { make, near, press, walk }) {
    Object.assign(this, { element, make, near, press, walk });
    /** @type {any[]} */
    this.items = [];
    /** @type {Map<string, Tile & {index: number}>} */
    this.tiles = new Map();
    this.columns = 1;
    this.size = 0;
    /** @type {string | null} The item that Tab leads to. */
    this.current = null;
    new ResizeObserver(() => this.measure()).observe(element);
    addEventListener("scroll", () => this.soon(), { passive: true });
    element.addEventListener("keydown", (event) => this.onKey(event));
    element.addEventListener("focusin", (event) => this.visit(/** @type {HTMLElement} */ (event.target).closest("[data-key]")?.dataset.key));
  }

  /** Show other items in the place of these. */
  set(items) {
    this.items = items;
    this.changed();
  }

  /** Items came or went. */
  changed() {
    this.index = new Map(this.items.map((item, index) => [item.key, index]));
    if (!this.index.has(this.current)) this.current = this.items[0]?.key ?? null;
    this.render();
  }

  /** Make the tile of an item anew, because what it shows has changed. */
  renew(key) {
    const tile = this.tiles.get(key);
    if (!tile) return;
    const hadFocus = tile.element.contains(document.activeElement);
    this.drop(key);
    this.render();
    if (hadFocus) this.tiles.get(key)?.stop?.focus({ preventScroll: true });
  }

  measure() {
    const width = this.element.clientWidth;
    if (!width) return;
    const name = width < WIDE ? "narrow" : "wide";
    const columns = Math.max(2, Math.floor((width + GAP[name]) / (SMALLEST[name] + GAP[name])));
    const size = (width - GAP[name] * (columns - 1)) / columns;
    if (columns === this.columns && size === this.size) return;
    // What was at the top of the screen stays there.
    const anchor = this.size ? Math.floor(-this.top() / this.step) * this.columns : 0;
    Object.assign(this, { columns, size, step: size + GAP[name] });
    this.element.style.setProperty("--tile", `${size}px`);
    for (const tile of this.tiles.values()) { tile.index = -1; tile.resize?.(size); }
    this.render();
    if (anchor > 0) scrollBy({ top: Math.floor(anchor / columns) * this.step + this.top(), behavior: "instant" });
  }

  top() {
    return this.element.getBoundingClientRect().top;
  }

  soon() {
    if (this.isAsked || !this.size) return;
    this.isAsked = true;
    requestAnimationFrame(() => { this.isAsked = false; this.render(); });
  }

  render() {
    if (!this.size || !this.element.offsetParent) return;
    const rows = Math.ceil(this.items.length / this.columns);
    this.element.style.blockSize = rows ? `${rows * this.step - (this.step - this.size)}px` : "";
    const top = this.top();
    const first = Math.max(0, Math.floor((-top - AHEAD) / this.step)) * this.columns;
    const last = Math.max(0, Math.ceil((innerHeight - top + AHEAD) / this.step)) * this.columns;
    this.place(this.items.slice(first, last), first);
    this.mark(Math.max(0, Math.ceil(-top / this.step)) * this.columns);
    if (top + rows * this.step < innerHeight + NEAR) this.near();
  }

  /** Have exactly these tiles, in the order of the items, and the one with the focus wherever it is. */
  place(items, first) {
    const wanted = items.map((item, offset) => ({ item, index: first + offset }));
    const held = this.index?.get(this.held());
    if (held !== undefined && (held < first || held >= first + items.length)) wanted[held < first ? "unshift" : "push"]({ item: this.items[held], index: held });
    const keys = new Set(wanted.map(({ item }) => item.key));
    for (const key of [...this.tiles.keys()]) if (!keys.has(key)) this.drop(key);
    let before = this.element.firstElementChild;
    for (const { item, index } of wanted) {
      const tile = this.tile(item);
      if (tile.element === before) before = before.nextElementSibling;
      else this.element.insertBefore(tile.element, before);
      if (tile.index !== index) this.put(tile, index);
    }
  }

  tile(item) {
    if (!this.tiles.has(item.key)) {
      const tile = this.make(item, this.size);
      tile.element.dataset.key = item.key;
      for (const stop of tile.element.querySelectorAll("button, input")) /** @type {HTMLElement} */ (stop).tabIndex = -1;
      this.tiles.set(item.key, { ...tile, index: -1 });
    }
    return this.tiles.get(item.key);
  }

  put(tile, index) {
    tile.index = index;
    const column = index % this.columns;
    const row = (index - column) / this.columns;
    tile.element.style.transform = `translate(${column * this.step}px, ${row * this.step}px)`;
    tile.element.setAttribute("aria-posinset", String(index + 1));
  }

  drop(key) {
    const tile = this.tiles.get(key);
    this.tiles.delete(key);
    tile.leave?.();
    tile.element.remove();
  }

  /** The key of the tile with the focus. */
  held() {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    return this.element.contains(focused) ? focused.closest("[data-key]")?.dataset.key : undefined;
  }

  visit(key) {
    if (!key || key === this.current) return;
    this.current = key;
    this.mark();
  }

  /** One tile is on the way of Tab, so that the page's end is not a thousand presses away. */
  mark(first = 0) {
    const key = this.tiles.has(this.current) ? this.current : this.items[first]?.key;
    if (this.marked === this.tiles.get(key)) return;
    for (const [tile, tabIndex] of [[this.marked, -1], [this.tiles.get(key), 0]]) {
      for (const stop of tile?.element.querySelectorAll("button, input") ?? []) /** @type {HTMLElement} */ (stop).tabIndex = tabIndex;
    }
    this.marked = this.tiles.get(key);
  }

  onKey(event) {
    const from = this.index?.get(this.held());
    if (from === undefined) return;
    const page = Math.max(1, Math.floor(innerHeight / this.step) - 1) * this.columns;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns, PageUp: -page, PageDown: page, Home: -from, End: this.items.length - 1 - from }[event.key];
    if (step === undefined || event.altKey || event.metaKey || event.ctrlKey) return this.press(event, this.items[from]);
    event.preventDefault();
    const to = Math.abs(step) === this.columns && !this.items[from + step] ? from : Math.min(this.items.length - 1, Math.max(0, from + step));
    this.focus(this.items[to].key);
    this.walk(this.items[from], this.items[to], event);
  }

  /** Give an item's tile the focus, wherever it is. */
  focus(key) {
    const index = this.index.get(key);
    if (index === undefined) return;
    const margin = 90;
    const top = this.top() + Math.floor(index / this.columns) * this.step;
    if (top < margin) scrollBy({ top: top - margin, behavior: "instant" });
    else if (top + this.size > innerHeight - margin) scrollBy({ top: top + this.size - innerHeight + margin, behavior: "instant" });
    this.current = key;
    this.render();
    this.tiles.get(key)?.stop?.focus({ preventScroll: true });
  }
}
