// The composer: choose an operation and a model, fill in the form, see the price, send.

import { Problem, post } from "./api.js";
import { announce, byId, disclose, h, icon, toast } from "./dom.js";
import { balance } from "./balance.js";
import { catalogue, priceWords } from "./catalogue.js";
import { OperationForm } from "./form.js";
import { jobs } from "./jobs.js";
import { label, operation, count, credits } from "./words.js";

const QUOTE_AFTER_MILLISECONDS = 300;
const REMEMBERED = "studio.choice";
// Refusals that pass by themselves: sending may be tried all the same.
const PASSING = new Set(["rate_limited", "queue_full", "quota_exceeded", "unreachable"]);
const passes = (problem) => PASSING.has(problem.code) || problem.status >= 500;

class Composer {
  start() {
    this.element = byId("composer");
    this.send = byId("send");
    this.quoteLine = byId("quote");
    this.quoteTimer = 0;
    this.quoteAbort = null;
    // The last answer stays while the next is on its way, so that the price does not flicker under typing hands.
    this.quote = null;
    this.isQuoteOld = true;
    this.isSending = false;
    // What was typed outlives a change of operation: the prompt and the picture stay.
    this.carried = {};
    this.element.addEventListener("input", () => this.changed());
    this.element.addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); this.submit(); }
    });
    balance.addEventListener("change", () => this.quoteSoon());
    const remembered = JSON.parse(localStorage.getItem(REMEMBERED) ?? "{}");
    const first = catalogue.operations.find(({ slug }) => slug === remembered.operation) ?? catalogue.operations[0];
    if (first) this.choose(first.slug, remembered.model);
    else byId("fields").replaceChildren(h("p.muted", {}, "No model is switched on yet. An administrator can enable one."));
  }

  /** Switch to an operation, by the model asked for where it offers it. */
  choose(slug, model = this.offer?.model) {
    const offers = catalogue.offers(slug);
    const usable = offers.filter((offer) => offer.isUsable);
    this.operation = operation(slug);
    this.offer = usable.find((offer) => offer.model === model) ?? usable[0] ?? offers[0];
    localStorage.setItem(REMEMBERED, JSON.stringify({ operation: slug, model: this.offer.model }));
    this.quote = null;
    if (this.form) this.carried = { ...this.carried, ...this.form.value };
    this.form = new OperationForm(this.offer.schema);
    this.form.write(this.carried);
    byId("fields").replaceChildren(this.form.element);
    this.showOperations();
    this.showModels(offers);
    this.send.querySelector(".label").textContent = this.operation.title;
    this.changed();
  }

  showOperations() {
    const { title, line, icon: symbol } = this.operation;
    const button = h("button.picker-button", { type: "button", "aria-haspopup": "true", "aria-label": `Operation: ${title}` },
      h("span.job-icon", {}, icon(symbol)), h("span.picker-words", {}, h("strong", {}, title), h("span.muted", {}, line)), icon("chevron"));
    const panel = h("div.menu-panel.operations", { role: "radiogroup", "aria-label": "Operation" },
      catalogue.operations.map((one) => h("button.operation", {
        type: "button", role: "radio", "aria-checked": String(one.slug === this.operation.slug), data: { operation: one.slug },
        onclick: () => { this.choose(one.slug); byId("operation-picker").querySelector("button").focus(); },
      }, icon(one.icon), h("span", {}, h("strong", {}, one.title), h("span.muted", {}, one.line)))));
    byId("operation-picker").replaceChildren(button, panel);
    disclose(button, panel);
  }

  showModels(offers) {
    const describe = ({ model: name, isUsable, isHealthy }) => `${name}${isUsable ? (isHealthy ? "" : " (slow at the moment)") : " (switched off)"}`;
    if (offers.length === 1) {
      byId("model-picker").replaceChildren(h("p.hint.one-model", {}, `Model: ${describe(offers[0])}`));
      return;
    }
    const select = h("select", { id: "model", onchange: () => this.choose(this.operation.slug, select.value) },
      offers.map((offer) => h("option", { value: offer.model, selected: offer === this.offer, disabled: !offer.isUsable }, describe(offer))));
    byId("model-picker").replaceChildren(h("div.field.inline", {}, h("label", { for: "model" }, "Model"), select));
  }

  get body() {
    return { operation: this.operation.slug, model: this.offer.model, input: this.form.value };
  }

  changed() {
    this.showState();
    this.quoteSoon();
  }

  quoteSoon() {
    clearTimeout(this.quoteTimer);
    this.quoteAbort?.abort();
    if (!this.form) return;
    this.isQuoteOld = true;
    if (this.form.missing.length || this.form.isUploading || this.quote?.problem) this.quote = null;
    this.showState();
    if (this.form.missing.length || this.form.isUploading) return;
    this.quoteTimer = setTimeout(() => this.askPrice(), QUOTE_AFTER_MILLISECONDS);
  }

  async askPrice() {
    clearTimeout(this.quoteTimer);
    this.quoteAbort?.abort();
    const abort = this.quoteAbort = new AbortController();
    const { form } = this;
    try {
      this.quote = await post("/v1/quotes", this.body, { signal: abort.signal });
    } catch (error) {
      if (abort.signal.aborted || form !== this.form) return;
      this.quote = { problem: error, admitted: false };
      if (error.errors?.length) this.quote.isFaulty = form.mark(error.errors).length < error.errors.length;
    }
    if (abort.signal.aborted) return;
    this.isQuoteOld = false;
    this.showState();
  }

  /** The line above the button: the price, or why this cannot be sent yet. */
  showState() {
    const { quote, form } = this;
    const isComplete = !form.missing.length && !form.isUploading;
    const isBarred = quote?.problem && !passes(quote.problem);
    this.send.disabled = this.isSending || !isComplete || !quote || Boolean(isBarred) || !this.offer.isUsable;
    this.quoteLine.classList.toggle("bad", Boolean(isBarred) && !quote?.isFaulty);
    this.quoteLine.replaceChildren(...this.quoteWords(isComplete));
  }

  quoteWords(isComplete) {
    const { quote, form } = this;
    if (!this.offer.isUsable) return ["This model is switched off at the moment."];
    if (form.isUploading) return ["The upload is on its way…"];
    if (quote?.isFaulty) return ["Please look at the marked field."];
    if (quote?.problem?.code === "insufficient_credits") {
      return [icon("alert"), `Not enough credits: this costs ${count(quote.credits)}, and ${count(balance.available ?? 0)} are available.`];
    }
    if (quote?.problem) return [icon("alert"), quote.problem.detail ?? quote.problem.message];
    if (quote) {
      const rest = balance.available === null ? null : h("span.muted", {}, `${count(balance.available - quote.credits)} left after`);
      return [h("strong.price", {}, credits(quote.credits)), rest].filter(Boolean);
    }
    const price = priceWords(this.offer.price);
    if (!isComplete) {
      const names = form.missing.map((name) => label(name).toLowerCase());
      return [h("span.muted", {}, [price, `add ${names.join(" and ")}`].filter(Boolean).join(" · "))];
    }
    return [h("span.muted", {}, price || "Asking for the price…")];
  }

  async submit() {
    if (this.isSending) return;
    if (this.form.missing.length) return this.form.focusFirst();
    const seen = this.quote?.credits;
    if (this.isQuoteOld) await this.askPrice();
    // Nobody pays a price that was not on the screen when they pressed the button.
    if (this.send.disabled || (seen !== undefined && this.quote.credits > seen)) return;
    this.isSending = true;
    this.send.setAttribute("aria-busy", "true");
    this.form.clearMarks();
    this.showState();
    try {
      await jobs.send(this.body);
      announce("Sent");
    } catch (error) {
      this.refused(error);
    }
    this.isSending = false;
    this.send.removeAttribute("aria-busy");
    this.showState();
  }

  refused(error) {
    if (!(error instanceof Problem)) throw error;
    const homeless = this.form.mark(error.errors);
    if (!error.errors.length || homeless.length) toast([error.message, ...homeless.map((one) => one.detail)].join(" "), { kind: "bad" });
    if (error.status === 402) balance.refresh();
  }

  /** Begin an operation with an asset: "use this result in …". */
  use(slug, asset) {
    this.choose(slug);
    const taker = this.form.taker(asset.kind);
    for (const id of [taker.read() ?? []].flat()) if (id === asset.id) return;
    taker.addAsset(asset);
    this.form.focusFirst();
  }

  /** Take over what a job was asked for. */
  again(job) {
    this.carried = {};
    this.form = null;
    this.choose(job.operation, job.model);
    this.form.write(job.input);
    this.carried = { ...job.input };
    this.changed();
  }

  /** Files dropped or pasted anywhere. False when this operation takes none. */
  addFiles(files) {
    const taker = this.form?.taker("image");
    if (!taker) return false;
    taker.addFiles(files);
    return true;
  }
}

export const composer = new Composer();
