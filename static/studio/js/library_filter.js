// What the library is narrowed to. It lives in the address (#library?kind=image&q=cat), so that it can be shared, kept
// and gone back to.

import { catalogue } from "./catalogue.js";
import { h, icon } from "./dom.js";

const KINDS = [["image", "Pictures"], ["audio", "Sounds"], ["json", "Documents"], ["text", "Texts"]];
const SOURCES = [["job", "Made here"], ["upload", "Uploaded"]];
const AGES = [["1", "Past day"], ["7", "Past week"], ["30", "Past month"], ["365", "Past year"]];
const DATES = "dates";
const ONE_OF = ["kind", "source", "model", "operation", "age", "since", "until", "collection", "q"];
const SWITCHES = ["favourite", "public"];
const SEARCH_MILLISECONDS = 250;
const DAY_MILLISECONDS = 86_400_000;

export class Filter {
  constructor(parameters = new URLSearchParams()) {
    /** @type {Record<string, string>} */
    this.values = {};
    for (const name of ONE_OF) if (parameters.get(name)) this.values[name] = /** @type {string} */ (parameters.get(name));
    for (const name of SWITCHES) if (parameters.has(name)) this.values[name] = "true";
    this.tags = [...new Set(parameters.getAll("tag"))];
  }

  /** As the address of this page has it. */
  static here() {
    return new Filter(new URLSearchParams(location.hash.split("?")[1] ?? ""));
  }

  /** The same with some values changed; an empty one is left away. */
  with(changes) {
    const next = new Filter();
    next.values = Object.fromEntries(Object.entries({ ...this.values, ...changes }).filter(([name, value]) => name !== "tags" && value));
    next.tags = changes.tags ?? this.tags;
    return next;
  }

  /** Whether anything but a collection narrows. */
  get isNarrowed() {
    return this.tags.length > 0 || Object.keys(this.values).some((name) => name !== "collection");
  }

  get hash() {
    const parameters = new URLSearchParams(this.values);
    for (const tag of this.tags) parameters.append("tag", tag);
    const text = parameters.toString();
    return text ? `#library?${text}` : "#library";
  }

  /** The parameters of GET /v1/assets. */
  get query() {
    const { age, since, until, ...same } = this.values;
    const parameters = new URLSearchParams(same);
    if (age) parameters.set("since", new Date(Date.now() - Number(age) * DAY_MILLISECONDS).toISOString());
    if (midnight(since)) parameters.set("since", midnight(since));
    // The day that is named is meant to be in it.
    if (midnight(until)) parameters.set("until", midnight(until, 1));
    for (const tag of this.tags) parameters.append("tag", tag);
    return parameters;
  }
}

/** The beginning of a day of this place, "2026-11-23", as an instant; empty where there is none. */
function midnight(day, later = 0) {
  const [year, month, date] = (day ?? "").split("-").map(Number);
  const moment = new Date(year, month - 1, date + later);
  return Number.isNaN(moment.getTime()) ? "" : moment.toISOString();
}

/**
 * The controls of a filter.
 * @param {{change: (next: Filter, options?: {isTyped?: boolean}) => void, knownTags: () => string[]}} options
 */
export class FilterBar {
  constructor({ change, knownTags }) {
    this.change = change;
    this.knownTags = knownTags;
    this.filter = new Filter();
    this.search = this.searchField();
    this.tagField = h("input.tag-field", { type: "text", list: "known-tags", placeholder: "Tag", "aria-label": "Only with this tag", maxlength: "50", autocomplete: "off" });
    this.tagList = h("datalist", { id: "known-tags" });
    this.tagField.addEventListener("focus", () => this.tagList.replaceChildren(...this.knownTags().map((value) => h("option", { value }))));
    this.tagField.addEventListener("change", () => this.addTag());
    this.element = h("div.filters", { role: "group", "aria-label": "Filters" });
  }

  searchField() {
    let timer = 0;
    const input = h("input", { type: "search", placeholder: "Search prompts and names", "aria-label": "Search prompts and names", maxlength: "200" });
    const tell = () => this.change(this.filter.with({ q: input.value.trim() }), { isTyped: true });
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(tell, SEARCH_MILLISECONDS);
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && input.value) {
        event.stopPropagation();
        input.value = "";
        clearTimeout(timer);
        tell();
      }
    });
    return input;
  }

  addTag() {
    const tag = this.tagField.value.trim();
    this.tagField.value = "";
    if (tag && !this.filter.tags.includes(tag)) this.change(this.filter.with({ tags: [...this.filter.tags, tag] }));
  }

  /** Show what a filter says. */
  show(filter) {
    const had = document.activeElement?.closest?.(".filters") ? /** @type {any} */ (document.activeElement).dataset.name : null;
    this.filter = filter;
    const { values } = filter;
    if (document.activeElement !== this.search) this.search.value = values.q ?? "";
    const models = new Set(catalogue.operations.flatMap(({ slug }) => catalogue.offers(slug).map(({ model }) => model)));
    const operations = catalogue.operations.map(({ slug, title }) => [slug, title]);
    const hasDates = Boolean(values.since || values.until);
    this.element.replaceChildren(...[
      this.select("kind", "Kind", "Any kind", KINDS),
      this.select("source", "Source", "Any source", SOURCES),
      this.select("operation", "Operation", "Any operation", operations),
      this.select("model", "Model", "Any model", [...models].map((model) => [model, model])),
      this.when(hasDates),
      hasDates && this.day("since", "From"),
      hasDates && this.day("until", "To"),
      this.toggle("favourite", "star", "Favourites"),
      this.toggle("public", "globe", "Public"),
      ...filter.tags.map((tag) => h("button.chip.on", { type: "button", "aria-label": `Any tag but not only ${tag}`, onclick: () => this.change(filter.with({ tags: filter.tags.filter((one) => one !== tag) })) }, `#${tag}`, icon("close"))),
      this.tagField, this.tagList,
      filter.isNarrowed && h("button.link.clear", { type: "button", onclick: () => this.clear() }, "Clear"),
    ].filter(Boolean));
    if (had) /** @type {any} */ (this.element.querySelector(`[data-name="${had}"]`))?.focus();
  }

  clear() {
    this.search.value = "";
    this.change(new Filter().with({ collection: this.filter.values.collection }));
  }

  select(name, title, none, options) {
    const value = this.filter.values[name] ?? "";
    // One that only an old asset or address knows.
    const all = value && !options.some(([known]) => known === value) ? [...options, [value, value]] : options;
    const select = h("select", { "aria-label": title, data: { name, on: value ? "true" : "" }, onchange: () => this.change(this.filter.with({ [name]: select.value })) },
      h("option", { value: "" }, none), all.map(([key, text]) => h("option", { value: key, selected: key === value }, text)));
    return select;
  }

  when(hasDates) {
    const value = hasDates ? DATES : this.filter.values.age ?? "";
    const options = [["", "Any time"], ...AGES, [DATES, "Between dates"]];
    const select = h("select", { "aria-label": "Time", data: { name: "age", on: value ? "true" : "" }, onchange: () => {
      const isDates = select.value === DATES;
      this.change(this.filter.with({ age: isDates ? "" : select.value, since: isDates ? today() : "", until: isDates ? today() : "" }));
    } }, options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)));
    return select;
  }

  day(name, title) {
    const input = h("input.day", { type: "date", value: this.filter.values[name] ?? "", "aria-label": title, data: { name }, onchange: () => this.change(this.filter.with({ [name]: input.value })) });
    return input;
  }

  toggle(name, symbol, title) {
    const isOn = Boolean(this.filter.values[name]);
    return h("button.chip", { type: "button", class: isOn ? "chip on" : "chip", "aria-pressed": String(isOn), data: { name }, onclick: () => this.change(this.filter.with({ [name]: isOn ? "" : "true" })) }, icon(symbol), title);
  }
}

function today() {
  const now = new Date();
  return [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}
