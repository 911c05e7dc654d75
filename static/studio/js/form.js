// A form drawn from an operation's JSON Schema: its fields, what is missing, and where the server found a fault.

import { h, icon } from "./dom.js";
import { label } from "./words.js";
import { assetFields, isAsset, resolve, values } from "./schema.js";
import { assetControl } from "./asset_field.js";
import { maskControl } from "./mask.js";
import { choiceControl, jsonControl, listControl, numberControl, switchControl, textControl } from "./fields.js";

let drawn = 0;

/** A group of fields for an object schema; the whole form is one, and so is each object inside it. */
class Group {
  constructor(schema, root, { top = null } = {}) {
    this.schema = schema;
    this.root = root;
    this.top = top ?? this;
    this.required = new Set(schema.required ?? []);
    /** @type {Map<string, {control: any, element: HTMLElement, schema: any, error: HTMLElement}>} */
    this.fields = new Map();
    for (const [name, raw] of Object.entries(schema.properties ?? {})) this.add(name, resolve(raw, root));
  }

  add(name, schema) {
    const id = `field-${++drawn}`;
    const control = this.control(id, name, schema);
    const text = schema["x-label"] ?? label(name);
    const isSwitch = schema.type === "boolean";
    const error = h("p.error", { id: `${id}-error`, hidden: true });
    const hint = schema.description ? h("p.hint", { id: `${id}-hint` }, schema.description) : null;
    const isGroup = control.role === "group";
    const caption = h(isGroup ? "span.label" : "label", isGroup ? { id: `${id}-label` } : { for: id }, text,
      this.required.has(name) || (schema.default ?? null) !== null ? null : h("span.optional", {}, "optional"));
    const element = h(isSwitch ? "div.field.switch" : "div.field", { data: { field: name } }, caption, isSwitch ? hint : null, control.element, isSwitch ? null : hint, error);
    const target = isGroup ? control.element : control.element.querySelector(`#${id}`) ?? control.element;
    if (isGroup) target.setAttribute("aria-labelledby", `${id}-label`);
    target.setAttribute("aria-describedby", [hint && hint.id, error.id].filter(Boolean).join(" "));
    element.addEventListener("input", () => this.unmark(name));
    this.fields.set(name, { control, element, schema, error });
  }

  control(id, name, schema) {
    const isRequired = this.required.has(name);
    const item = schema.type === "array" ? resolve(schema.items ?? {}, this.root) : null;
    if (isAsset(schema) || (item && isAsset(item))) {
      const kind = (item ?? schema)["x-kind"] ?? "image";
      const most = item ? schema.maxItems ?? 10 : 1;
      if (/mask/i.test(name) && !item) return maskControl(id, { picture: () => this.top.fields.get("image")?.control.chosen?.()[0] });
      return assetControl(id, { kind, most, isList: Boolean(item) });
    }
    if (values(schema)) return choiceControl(id, schema, { isRequired });
    if (schema.type === "boolean") return switchControl(id, schema);
    if (schema.type === "integer" || schema.type === "number") return numberControl(id, schema, { isRequired, isSeed: /seed$/i.test(name) });
    if (schema.type === "string") return textControl(id, schema, { isLong: schema["x-multiline"] || (schema.maxLength ?? 0) > 300 });
    if (schema.type === "object" && schema.properties) return groupControl(schema, this);
    if (item && ["string", "number", "integer"].includes(item.type)) return listControl(id, schema, item);
    return jsonControl(id, schema);
  }

  /** The values that were given and are not the default anyway. */
  read() {
    const value = {};
    for (const [name, { control, schema }] of this.fields) {
      const given = control.read();
      if (given === undefined) continue;
      if (!this.required.has(name) && same(given, schema.default)) continue;
      value[name] = given;
    }
    return value;
  }

  write(value) {
    for (const [name, given] of Object.entries(value)) this.fields.get(name)?.control.write(given);
  }

  unmark(name) {
    const field = this.fields.get(name);
    field.error.hidden = true;
    field.element.classList.remove("marked");
    field.element.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid");
  }

  /** Show a fault at the field that a pointer's path names. False when there is no such field. */
  mark([name, ...rest], text) {
    const field = this.fields.get(name);
    if (!field) return false;
    field.element.closest("details")?.setAttribute("open", "");
    if (rest.length && field.control.mark?.(rest, text)) return true;
    field.error.replaceChildren(icon("alert"), text);
    field.error.hidden = false;
    field.element.classList.add("marked");
    (field.element.querySelector("input, textarea, select") ?? field.control.element).setAttribute("aria-invalid", "true");
    return true;
  }
}

const same = (left, right) => JSON.stringify(left) === JSON.stringify(right);

function groupControl(schema, parent) {
  const group = new Group(schema, parent.root, { top: parent.top });
  const element = h("div.nested", { role: "group" }, [...group.fields.values()].map((field) => field.element));
  const read = () => { const value = group.read(); return Object.keys(value).length ? value : undefined; };
  return { element, role: "group", read, write: (value) => group.write(value ?? {}), focus: () => element.querySelector("input")?.focus(), mark: (path, text) => group.mark(path, text) };
}

// How many optional fields are shown at once; the rest waits behind "More options".
const MOST_OPTIONAL = 5;

/** What few people change, whichever model asks for it. */
function isTechnical(name, schema) {
  return Boolean(schema["x-advanced"]) || schema.type === "object" || /seed$|^negative|^(width|height)$/i.test(name);
}

/** The form of one operation. Its element fires `input` whenever a value changed. */
export class OperationForm {
  constructor(schema) {
    this.schema = schema;
    this.group = new Group(schema, schema);
    const fields = [...this.group.fields].map(([name, field]) => ({ name, ...field }));
    const required = fields.filter(({ name }) => this.group.required.has(name));
    const optional = fields.filter((field) => !required.includes(field) && !isTechnical(field.name, field.schema)).sort(byRank);
    const common = [...required, ...optional.slice(0, MOST_OPTIONAL)].sort(byRank);
    const rare = fields.filter((field) => !common.includes(field));
    this.element = h("div.form", {}, common.map((field) => field.element),
      rare.length ? h("details.more", {}, h("summary", {}, icon("chevron"), "More options"), h("div.form", {}, rare.map((field) => field.element))) : null);
  }

  get value() {
    return this.group.read();
  }

  /** The names of required fields that are still empty. */
  get missing() {
    const value = this.group.read();
    return [...this.group.required].filter((name) => value[name] === undefined || (Array.isArray(value[name]) && !value[name].length));
  }

  get isUploading() {
    return [...this.group.fields.values()].some(({ control }) => control.isBusy?.());
  }

  /** Take over values of another form or job: those that a field here can hold. */
  write(value) {
    this.group.write(value);
  }

  /** The control that would take a picture (or another kind) dropped or chosen from outside the form. */
  taker(kind) {
    const names = assetFields(this.schema).filter((field) => field.kind === kind && !/mask/i.test(field.name)).map((field) => field.name);
    const controls = names.map((name) => this.group.fields.get(name).control);
    return controls.find((control) => control.hasRoom()) ?? controls[0] ?? null;
  }

  focusFirst() {
    const [first] = this.missing;
    (this.group.fields.get(first) ?? [...this.group.fields.values()][0])?.control.focus();
  }

  clearMarks() {
    for (const name of this.group.fields.keys()) this.group.unmark(name);
  }

  /** Show the faults of a problem at their fields; returns those that name no field of this form. */
  mark(errors) {
    const homeless = errors.filter((error) => {
      const path = (error.pointer ?? "").split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
      if (path[0] === "input") path.shift();
      return !path.length || !this.group.mark(path, error.detail);
    });
    this.element.querySelector(".marked")?.scrollIntoView({ block: "center", behavior: "smooth" });
    return homeless;
  }
}

const byRank = (left, right) => rank(left) - rank(right);

function rank({ name, schema }) {
  if (isAsset(schema) || schema.items?.format === "asset-id") return /mask/i.test(name) ? 1 : 0;
  if (/^prompt$/.test(name)) return 2;
  return values(schema) ? 3 : 4;
}
