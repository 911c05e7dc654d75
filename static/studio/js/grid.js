// A grid of square tiles that may be tens of thousands: only those on and near the screen are in the page.

const GAP = 14;
const LEAST_TILE = { narrow: 108, wide: 190 };
const WIDE = 700;
const STEPS = { ArrowLeft: () => -1, ArrowRight: () => 1, ArrowUp: (columns) => -columns, ArrowDown: (columns) => columns };

/**
 * @typedef {{element?: HTMLElement | null}} Entry what a tile stands for; the grid keeps its element while it is shown
 */
export class Grid {
  /**
   * @param {HTMLElement} element
   * @param {{draw: (entry: any, size: number) => HTMLElement, onEnd: () => void}} options `draw` makes a tile with one
   *   focusable part that has the class "thumb"; `onEnd` is called whenever the end of what there is comes near
   */
  constructor(element, { draw, onEnd }) {
    this.element = element;
    this.draw = draw;
    this.onEnd = onEnd;
    /** @type {Entry[]} */
    this.entries = [];
    this.columns = 1;
    this.size = 0;
    /** The one that Tab leads to. */
    this.current = 0;
    addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => this.soon()).observe(element);
    element.addEventListener("keydown", (event) => this.walk(event));
    element.addEventListener("focusin", (event) => this.remember(event.target));
  }

  /** Show these instead. */
  show(entries) {
    for (const entry of this.entries) entry.element = null;
    this.entries = entries;
    this.current = 0;
    this.paint();
  }

  /** The entries changed: some were added, replaced or taken out. */
  changed() {
    this.current = Math.max(0, Math.min(this.current, this.entries.length - 1));
    this.paint();
  }

  /** Draw one entry anew, if it is on the screen. */
  redraw(entry) {
    const hadFocus = entry.element?.contains(document.activeElement);
    entry.element = null;
    this.paint();
    if (hadFocus) entry.element?.querySelector(".thumb")?.focus({ preventScroll: true });
  }

  soon() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = undefined;
      this.paint();
    });
  }

  paint() {
    const width = this.element.clientWidth;
    if (!width || this.element.hasAttribute("aria-busy")) return;
    const gap = width < WIDE ? GAP / 2 : GAP;
    this.columns = Math.max(2, Math.floor((width + gap) / ((width < WIDE ? LEAST_TILE.narrow : LEAST_TILE.wide) + gap)));
    this.size = (width - gap * (this.columns - 1)) / this.columns;
    const row = this.size + gap;
    const rows = Math.ceil(this.entries.length / this.columns);
    this.element.style.blockSize = `${Math.max(0, rows * row - gap)}px`;
    this.element.style.setProperty("--tile", `${this.size}px`);
    const top = this.element.getBoundingClientRect().top;
    // Half a screen more on either side, so that a scroll meets pictures and not their places.
    const first = Math.max(0, Math.floor((-top - innerHeight / 2) / row)) * this.columns;
    const last = Math.ceil((-top + innerHeight * 1.5) / row) * this.columns;
    const focused = this.element.contains(document.activeElement) ? this.current : -1;
    const shown = Array.from({ length: Math.max(0, Math.min(last, this.entries.length) - first) }, (_, step) => first + step);
    if (focused >= 0 && !shown.includes(focused)) shown.push(focused);
    this.place(shown.sort((left, right) => left - right), row);
    if (last >= this.entries.length - this.columns) this.onEnd();
  }

  /** Put the tiles of these entries into the page, in their order, and take out all others. */
  place(indices, row) {
    let next = this.element.firstElementChild;
    for (const index of indices) {
      const entry = this.entries[index];
      const tile = entry.element ??= this.draw(entry, this.size);
      tile.dataset.index = String(index);
      tile.style.transform = `translate(${(index % this.columns) * row}px, ${Math.floor(index / this.columns) * row}px)`;
      /** @type {any} */ (tile.querySelector(".thumb")).tabIndex = index === this.current ? 0 : -1;
      if (tile === next) next = next.nextElementSibling;
      else this.element.insertBefore(tile, next);
    }
    const shown = new Set(indices);
    for (const tile of [.../** @type {any} */ (this.element.children)]) {
      const entry = this.entries[Number(tile.dataset.index)];
      if (entry?.element === tile && shown.has(Number(tile.dataset.index))) continue;
      tile.remove();
      if (entry?.element === tile) entry.element = null;
    }
  }

  /** The entry whose tile this element belongs to. */
  at(element) {
    return this.entries[this.indexOf(element)];
  }

  indexOf(element) {
    return Number(element.closest?.("[data-index]")?.dataset.index ?? -1);
  }

  remember(element) {
    const index = this.indexOf(element);
    if (index < 0 || index === this.current) return;
    const before = this.entries[this.current]?.element?.querySelector(".thumb");
    if (before) /** @type {any} */ (before).tabIndex = -1;
    this.current = index;
    /** @type {any} */ (this.entries[index].element?.querySelector(".thumb")).tabIndex = 0;
  }

  /** Arrows, Home and End lead from tile to tile. */
  walk(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || !this.entries.length) return;
    const last = this.entries.length - 1;
    const wanted = event.key === "Home" ? 0 : event.key === "End" ? last : STEPS[event.key] && this.current + STEPS[event.key](this.columns);
    if (wanted === undefined) return;
    event.preventDefault();
    if (wanted >= 0 && wanted <= last) this.focus(wanted);
  }

  focus(index) {
    this.current = index;
    const row = this.size + GAP;
    const top = this.element.getBoundingClientRect().top + Math.floor(index / this.columns) * row;
    if (top < 80 || top + this.size > innerHeight - 80) scrollBy({ top: top - innerHeight / 2 + this.size / 2, behavior: "instant" });
    this.paint();
    /** @type {any} */ (this.entries[index].element?.querySelector(".thumb"))?.focus({ preventScroll: true });
  }
}
