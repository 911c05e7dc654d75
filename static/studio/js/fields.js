// One control per kind of value. A control has an `element`, reads a value (undefined: not given) and writes one.

import { h, icon } from "./dom.js";
import { label, count } from "./words.js";
import { values } from "./schema.js";

/**
 * @typedef {object} Control
 * @property {HTMLElement} element
 * @property {() => any} read
 * @property {(value: any) => void} write
 * @property {() => void} focus
 * @property {string} [role] "group" when the label cannot point at one input
 * @property {(path: string[], text: string) => boolean} [mark] for controls that hold further fields
 */

const RATIO = /^(\d+)[x:](\d+)$/;

/** Tell the form, whose listeners hear `input`, that a value was changed by other means than typing. */
function changed(element) {
  element.dispatchEvent(new Event("input", { bubbles: true }));
}

/** @returns {Control} */
export function textControl(id, schema, { isLong }) {
  if (!isLong) {
    const input = h("input", { id, type: "text", maxLength: schema.maxLength, value: schema.default ?? "", autocomplete: "off" });
    return { element: input, read: () => input.value.trim() || undefined, write: (value) => { input.value = value ?? ""; }, focus: () => input.focus() };
  }
  const area = h("textarea", { id, rows: 4, value: schema.default ?? "", placeholder: schema.examples?.[0] ?? schema["x-placeholder"] });
  const counter = schema.maxLength ? h("span.counter", { "aria-hidden": "true" }) : null;
  const tally = () => {
    if (!counter) return;
    const length = [...area.value].length;
    counter.textContent = length > schema.maxLength * 0.8 ? `${count(length)} / ${count(schema.maxLength)}` : "";
    counter.classList.toggle("over", length > schema.maxLength);
  };
  area.addEventListener("input", tally);
  return {
    element: h("div.area", {}, area, counter),
    read: () => area.value.trim() || undefined,
    write: (value) => { area.value = value ?? ""; tally(); },
    focus: () => area.focus(),
  };
}

/** @returns {Control} */
export function numberControl(id, schema, { isRequired, isSeed }) {
  const { minimum, maximum } = bounds(schema);
  const isWhole = schema.type === "integer";
  const few = isWhole && minimum !== undefined && maximum !== undefined && maximum > minimum && maximum - minimum < 8;
  if (few && (isRequired || schema.default !== undefined)) {
    const options = Array.from({ length: maximum - minimum + 1 }, (_, index) => minimum + index);
    return segmentControl(id, options, schema.default ?? minimum);
  }
  const step = isWhole ? schema.multipleOf ?? 1 : schema.multipleOf ?? "any";
  const box = h("input", { id, type: "number", min: minimum, max: maximum, step: String(step), inputmode: isWhole ? "numeric" : "decimal", placeholder: isSeed ? "Random" : "Automatic" });
  const hasSlider = !isSeed && minimum !== undefined && maximum !== undefined && schema.default !== undefined && maximum - minimum <= 1000;
  const slider = hasSlider ? h("input", { type: "range", min: minimum, max: maximum, step: isWhole ? String(step) : String((maximum - minimum) / 100), tabindex: "-1", "aria-hidden": "true" }) : null;
  const write = (value) => {
    box.value = value ?? "";
    if (slider) slider.value = value ?? schema.default;
  };
  slider?.addEventListener("input", () => { box.value = isWhole ? slider.value : String(Number(Number(slider.value).toPrecision(3))); });
  box.addEventListener("input", () => { if (slider && box.value) slider.value = box.value; });
  const dice = isSeed ? h("button.icon-button", { type: "button", title: "Another random seed", "aria-label": "Another random seed", onclick: () => {
    box.value = String(Math.floor(Math.random() * Math.min(maximum ?? 2 ** 31, 2 ** 31)));
    changed(box);
  } }, icon("dice")) : null;
  write(schema.default);
  return {
    element: h("div.number", {}, slider, box, dice),
    // A number that cannot be read is sent as it stands, for the server to name what is wrong with it.
    read: () => (box.value === "" ? (box.validity.badInput ? NaN : undefined) : Number(box.value)),
    write,
    focus: () => box.focus(),
  };
}

function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum, type }) {
  const whole = type === "integer" ? 1 : 0;
  return {
    minimum: minimum ?? (exclusiveMinimum === undefined ? undefined : exclusiveMinimum + whole),
    maximum: maximum ?? (exclusiveMaximum === undefined ? undefined : exclusiveMaximum - whole),
  };
}

/** @returns {Control} */
export function switchControl(id, schema) {
  const input = h("input", { id, type: "checkbox", role: "switch", checked: Boolean(schema.default) });
  return { element: input, read: () => input.checked, write: (value) => { input.checked = Boolean(value); }, focus: () => input.focus() };
}

/** A closed list: shapes for aspect ratios, a segmented row for a few short words, else a select. @returns {Control} */
export function choiceControl(id, schema, { isRequired }) {
  const options = values(schema);
  const initial = schema.default ?? (isRequired ? options[0] : undefined);
  const isRatio = options.filter((option) => RATIO.test(option)).length >= options.length - 1 && options.length > 1;
  if (isRatio) return segmentControl(id, options, initial, { isRatio });
  const letters = options.map((option) => label(String(option)).length).reduce((sum, length) => sum + length, 0);
  if (options.length <= 4 && letters <= 28 && initial !== undefined) return segmentControl(id, options, initial);
  const select = h("select", { id },
    initial === undefined ? h("option", { value: "" }, "Automatic") : null,
    options.map((option, index) => h("option", { value: String(index), selected: option === initial }, choiceWords(option))));
  const read = () => (select.value === "" ? undefined : options[Number(select.value)]);
  const write = (value) => { const index = options.indexOf(value); select.value = index < 0 ? "" : String(index); };
  write(initial);
  return { element: select, read, write, focus: () => select.focus() };
}

function choiceWords(option) {
  if (typeof option !== "string" || /\d/.test(option)) return String(option).replace(/^(\d+)x(\d+)$/, (_, a, b) => (Number(a) > 50 ? `${a} × ${b}` : `${a}:${b}`));
  return label(option);
}

/** Radio buttons drawn as one row. Without a preset, choosing the chosen one again takes it back. @returns {Control} */
function segmentControl(id, options, initial, { isRatio = false } = {}) {
  const radios = options.map((option, index) => h("input", { type: "radio", name: id, id: `${id}-${index}`, value: String(index), checked: option === initial }));
  if (initial === undefined) {
    let before = null;
    for (const radio of radios) {
      radio.addEventListener("pointerdown", () => { before = radio.checked ? radio : null; });
      radio.addEventListener("click", () => { if (before === radio) { radio.checked = false; changed(radio); } before = null; });
    }
  }
  const element = h(isRatio ? "div.segments.ratios" : "div.segments", { role: "radiogroup" },
    options.map((option, index) => h("label", {}, radios[index], h("span", {}, isRatio ? shape(String(option)) : null, choiceWords(option)))));
  return {
    element,
    role: "group",
    read: () => { const index = radios.findIndex((radio) => radio.checked); return index < 0 ? undefined : options[index]; },
    write: (value) => radios.forEach((radio, index) => { radio.checked = options[index] === value; }),
    focus: () => (radios.find((radio) => radio.checked) ?? radios[0]).focus(),
  };
}

function shape(ratio) {
  const match = RATIO.exec(ratio);
  const box = h("i.shape", { "aria-hidden": "true" });
  if (!match) return box;
  const [width, height] = [Number(match[1]), Number(match[2])];
  const scale = 16 / Math.max(width, height);
  box.style.width = `${Math.max(4, width * scale)}px`;
  box.style.height = `${Math.max(4, height * scale)}px`;
  return box;
}

/** A list of short words or numbers, typed with commas. @returns {Control} */
export function listControl(id, schema, item) {
  const input = h("input", { id, type: "text", placeholder: "Separated by commas", autocomplete: "off" });
  const isNumber = item.type === "integer" || item.type === "number";
  const write = (value) => { input.value = (value ?? []).join(", "); };
  write(schema.default);
  return {
    element: input,
    read: () => {
      const parts = input.value.split(",").map((part) => part.trim()).filter(Boolean);
      return parts.length ? parts.map((part) => (isNumber ? Number(part) : part)) : undefined;
    },
    write,
    focus: () => input.focus(),
  };
}

/** What has no better control: JSON, checked as it is typed. @returns {Control} */
export function jsonControl(id, schema) {
  const area = h("textarea.mono", { id, rows: 3, spellcheck: false, placeholder: "JSON" });
  const write = (value) => { area.value = value === undefined || value === null ? "" : JSON.stringify(value, null, 2); };
  write(schema.default);
  const parsed = () => { try { return JSON.parse(area.value); } catch { return area.value; } };
  area.addEventListener("input", () => area.classList.toggle("invalid", area.value.trim() !== "" && parsed() === area.value));
  return { element: area, read: () => (area.value.trim() ? parsed() : undefined), write, focus: () => area.focus() };
}
