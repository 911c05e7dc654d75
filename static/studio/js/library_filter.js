// What the library is narrowed to: in the address (#library?kind=image&q=cat), in the bar, and as the API is asked.

import { h, icon } from "./dom.js";
import { catalogue } from "./catalogue.js";
import { tagInput } from "./tags.js";
import { operation } from "./words.js";

const KINDS = [["", "Everything"], ["image", "Pictures"], ["audio", "Sounds"], ["json", "Documents"], ["text", "Texts"]];
const SOURCES = [["", "Made or uploaded"], ["job", "Made here"], ["upload", "Uploaded"]];
const NAMES = ["collection", "q", "kind", "source", "model", "operation", "since", "until", "favourite", "public"];
const PAUSE_MILLISECONDS = 250;

/** The parameters of an address, in one order and without what means nothing here. */
export function parse(query) {
  const given = new URLSearchParams(query);
  const values = new URLSearchParams();
  for (const name of NAMES) if (given.get(name)?.trim()) values.set(name, given.get(name).trim());
  for (const tag of new Set(given.getAll("tag"))) if (tag.trim()) values.append("tag", tag.trim());
  return values;
}

/** The same for the API: a day there is the moment it begins here. */
export function asked(values) {
  const parameters = new URLSearchParams(values);
  if (parameters.has("since")) parameters.set("since", midnight(parameters.get("since"), 0));
  if (parameters.has("until")) parameters.set("until", midnight(parameters.get("until"), 1));
  return parameters;
}

function midnight(day, later) {
  const [year, month, date] = day.split("-").map(Number);
  const moment = new Date(year, month - 1, date + later);
  return Number.isNaN(moment.getTime()) ? day : moment.toISOString();
}

/** Whether anything but a collection is asked for. */
export const isNarrowed = (values) => [...values.keys()].some((name) => name !== "collection");

/** These values without one name, or without one of its values. */
export function without(values, name, value) {
  const left = new URLSearchParams();
  for (const [key, one] of values) if (key !== name || (value !== undefined && one !== value)) left.append(key, one);
  return left;
}

/** The bar above the grid. `choose` is told what to narrow to, and whether the person is still typing it. */
export class FilterBar {
  /** @param {{choose: (values: URLSearchParams, isTyping?: boolean) => void}} options */
  constructor({ choose }) {
    this.choose = choose;
    this.values = new URLSearchParams();
    this.search = this.searchField();
    this.kind = this.select("Kind", "kind", KINDS);
    this.favourite = h("button.button.toggle", { type: "button", "aria-pressed": "false", "aria-label": "Favourites only", title: "Favourites only", onclick: () => this.toggle("favourite") }, icon("star"));
    this.more = h("button.button", { type: "button", "aria-expanded": "false", "aria-controls": "library-more", onclick: () => this.unfold(this.panel.hidden) }, icon("filter"), "Filters");
    this.panel = this.foldedFields();
    this.chips = h("ul.filter-chips", { "aria-label": "Filters in use", hidden: true });
    this.element = h("div.filters", { role: "search", "aria-label": "Library" },
      h("div.filter-line", {}, h("div.search-box", {}, icon("search"), this.search), this.kind, this.favourite, this.more), this.panel, this.chips);
  }

  searchField() {
    let timer = 0;
    const input = h("input", { type: "search", placeholder: "Search prompts and file names", "aria-label": "Search prompts and file names", maxlength: "200", enterkeyhint: "search" });
    const send = () => { clearTimeout(timer); this.set("q", input.value.trim(), true); };
    input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(send, PAUSE_MILLISECONDS); });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") send();
      if (event.key !== "Escape" || !input.value) return;
      event.preventDefault();
      input.value = "";
      send();
    });
    return input;
  }

  foldedFields() {
    const operations = catalogue.operations.map(({ slug, title }) => [slug, title]);
    const models = [...catalogue.models].sort().map((slug) => [slug, slug]);
    this.source = this.select("Source", "source", SOURCES);
    this.operation = this.select("Operation", "operation", [["", "Any operation"], ...operations]);
    this.model = this.select("Model", "model", [["", "Any model"], ...models]);
    this.since = this.day("From", "since");
    this.until = this.day("To", "until");
    this.tag = tagInput({ label: "Tag", add: (tag) => { if (!this.values.getAll("tag").includes(tag)) this.choose(parse(`${this.values}&tag=${encodeURIComponent(tag)}`)); } });
    this.public = h("input", { type: "checkbox", onchange: () => this.toggle("public") });
    const labelled = (text, control) => h("label.field", {}, h("span.label", {}, text), control);
    return h("div.filter-fields", { id: "library-more", hidden: true },
      labelled("Source", this.source), labelled("Operation", this.operation), labelled("Model", this.model),
      labelled("From", this.since), labelled("To", this.until), labelled("Tag", this.tag),
      h("label.check", {}, this.public, "Public only"));
  }

  select(title, name, options) {
    const select = h("select", { "aria-label": title, onchange: () => this.set(name, select.value) }, options.map(([value, text]) => h("option", { value }, text)));
    return select;
  }

  day(title, name) {
    const input = h("input", { type: "date", "aria-label": title, onchange: () => this.set(name, input.value) });
    return input;
  }

  toggle(name) {
    this.set(name, this.values.has(name) ? "" : "true");
  }

  set(name, value, isTyping = false) {
    const values = without(this.values, name);
    if (value) values.set(name, value);
    if (String(parse(values)) !== String(this.values)) this.choose(parse(values), isTyping);
  }

  unfold(isOpen) {
    this.panel.hidden = !isOpen;
    this.more.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) this.panel.querySelector("select").focus();
  }

  /** Show what is asked for: at the controls, and as chips what is folded away. */
  show(values) {
    this.values = values;
    if (this.search.value.trim() !== (values.get("q") ?? "")) this.search.value = values.get("q") ?? "";
    for (const name of ["kind", "source", "operation", "model", "since", "until"]) offer(this[name], values.get(name) ?? "");
    this.public.checked = values.has("public");
    this.favourite.setAttribute("aria-pressed", String(values.has("favourite")));
    const chips = [...values].filter(([name]) => !["q", "kind", "favourite", "collection"].includes(name));
    this.chips.hidden = !isNarrowed(values);
    this.chips.replaceChildren(
      ...chips.map(([name, value]) => h("li", {}, h("button.chip", { type: "button", "aria-label": `Remove filter ${words(name, value)}`, onclick: () => this.choose(without(this.values, name, value)) }, words(name, value), icon("close")))),
      h("li", {}, h("button.link", { type: "button", onclick: () => this.clear() }, "Clear filters")));
  }

  /** Ask for everything again, in the same collection. */
  clear() {
    const values = new URLSearchParams();
    if (this.values.has("collection")) values.set("collection", this.values.get("collection"));
    this.choose(values);
    this.search.focus();
  }
}

/** Choose a value, and first add it where an address named one that is not on the list (any more). */
function offer(control, value) {
  if (control.options && ![...control.options].some((option) => option.value === value)) control.append(h("option", { value }, value));
  control.value = value;
}

function words(name, value) {
  if (name === "operation") return operation(value).title;
  if (name === "source") return SOURCES.find(([slug]) => slug === value)?.[1] ?? value;
  if (name === "since" || name === "until") return `${name === "since" ? "From" : "To"} ${value}`;
  return { tag: `#${value}`, public: "Public" }[name] ?? value;
}
