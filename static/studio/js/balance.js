// The wallet in the top bar: what is available, what jobs hold, and where it comes from.

import { get } from "./api.js";
import { disclose, h, icon } from "./dom.js";
import { clock, count, credits, label } from "./words.js";

const COUNTING_MILLISECONDS = 600;

class Balance extends EventTarget {
  constructor() {
    super();
    /** @type {number | null} */
    this.available = null;
    this.shown = 0;
    this.isAgain = false;
    this.pending = null;
  }

  attach(root) {
    this.figure = h("span.figure", {}, "–");
    this.held = h("span.held", { hidden: true });
    this.button = h("button.balance", { type: "button", "aria-haspopup": "true", "aria-controls": "balance-panel", "aria-label": "Balance" }, icon("credits"), this.figure, this.held);
    this.panel = h("div.menu-panel.balance-panel", { id: "balance-panel", hidden: true });
    root.replaceChildren(this.button, this.panel);
    disclose(this.button, this.panel);
    this.refresh();
  }

  /** Read the wallet; calls while one is on its way are answered by one more read after it. */
  refresh() {
    if (this.pending) {
      this.isAgain = true;
      return this.pending;
    }
    this.pending = get("/v1/balance").then((balance) => this.show(balance)).catch(() => {}).finally(() => {
      this.pending = null;
      if (this.isAgain) {
        this.isAgain = false;
        this.refresh();
      }
    });
    return this.pending;
  }

  show({ available, held, debt, grants }) {
    const before = this.available;
    this.available = available;
    this.count(before ?? available, available);
    this.held.hidden = !held;
    this.held.textContent = `${count(held)} held`;
    this.button.setAttribute("aria-label", `Balance: ${credits(available)}${held ? `, ${count(held)} held by running jobs` : ""}`);
    this.button.classList.toggle("low", available <= 0 || debt > 0);
    this.panel.replaceChildren(
      h("dl.figures", {},
        h("dt", {}, "Available"), h("dd", {}, count(available)),
        h("dt", {}, "Held by running jobs"), h("dd", {}, count(held)),
        debt ? [h("dt", {}, "Owed"), h("dd", {}, count(debt))] : null),
      grants?.length ? h("ul.grants", {}, grants.map(({ kind, remaining, credits: granted, expiresAt }) => h("li", {},
        h("span", {}, label(kind)), h("span.muted", {}, expiresAt ? `until ${clock(expiresAt)}` : "does not expire"), h("strong", {}, count(remaining ?? granted))))) : null,
      h("p.hint", {}, "Credits are held when you send a job and taken when it is done. What fails is given back."));
    if (before !== available) this.dispatchEvent(new Event("change"));
  }

  count(from, to) {
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (from === to || isCalm || document.hidden) {
      this.figure.textContent = count(to);
      return;
    }
    this.button.dataset.moved = to < from ? "down" : "up";
    const start = performance.now();
    const step = (now) => {
      if (this.available !== to) return;
      const share = Math.min(1, (now - start) / COUNTING_MILLISECONDS);
      this.figure.textContent = count(Math.round(from + (to - from) * (1 - (1 - share) ** 3)));
      if (share < 1) requestAnimationFrame(step);
      else delete this.button.dataset.moved;
    };
    requestAnimationFrame(step);
  }
}

export const balance = new Balance();
