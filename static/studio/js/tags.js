// Tags: a field to type one into, and the chips of those that are there.

import { h, icon } from "./dom.js";

export const MOST_TAGS = 20;
const LONGEST = 50;
// Tags this page has met, in the spelling it met them first: what is offered while one is typed.
const known = new Map();

export function remember(tags) {
  for (const tag of tags) if (!known.has(tag.toLowerCase())) known.set(tag.toLowerCase(), tag);
}

/** A field that gives one tag at a time, with Enter, a comma, or when it is left. */
export function tagInput({ label, add, placeholder = "" }) {
  const id = `tags-${Math.random().toString(36).slice(2)}`;
  const list = h("datalist", { id });
  const input = h("input", { type: "text", list: id, "aria-label": label, placeholder, maxlength: String(LONGEST), autocomplete: "off", enterkeyhint: "done" });
  const give = () => {
    const tag = input.value.replace(/,/g, " ").trim();
    input.value = "";
    if (tag) add(tag);
  };
  input.addEventListener("focus", () => list.replaceChildren(...[...known.values()].sort().map((value) => h("option", { value }))));
  input.addEventListener("change", give);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== ",") return;
    event.preventDefault();
    give();
  });
  return h("span.tag-input", {}, input, list);
}

/**
 * The chips of tags that can be taken away and added to. `change` gets the tags as they would be then, and
 * may answer how they are now; null where it was refused, and all stays as it was.
 * @param {string[]} tags
 * @param {{change: (tags: string[]) => Promise<string[] | null | void> | string[] | null | void}} options
 */
export function tagChips(tags, { change }) {
  let now = [...tags];
  const list = h("ul.tag-chips", { "aria-label": "Tags" });
  const field = tagInput({ label: "Add a tag", placeholder: "Add a tag", add });
  const element = h("div.tag-editor", {}, list, field);

  async function set(next) {
    const before = now;
    now = next;
    show();
    const answer = await change(next);
    now = answer === null ? before : answer ?? next;
    show();
  }

  function add(tag) {
    remember([tag]);
    if (!now.some((one) => one.toLowerCase() === tag.toLowerCase())) set([...now, tag]);
  }

  function show() {
    list.replaceChildren(...now.map((tag) => h("li.tag", {}, tag,
      h("button.tag-remove", { type: "button", "aria-label": `Remove tag ${tag}`, onclick: () => { set(now.filter((one) => one !== tag)); field.querySelector("input").focus(); } }, icon("close")))));
    field.hidden = now.length >= MOST_TAGS;
  }

  show();
  return { element, tags: () => now };
}
