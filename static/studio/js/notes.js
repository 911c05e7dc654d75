// What people note on assets: stars, tags, names. Every list that shows them hears "library:changed".

import { patch, post } from "./api.js";
import { h, icon, toast } from "./dom.js";

const AT_ONCE = 1000;
const WHY = {
  asset_not_found: "gone already",
  legal_hold: "on legal hold",
  too_many_tags: "full of tags",
};

/** Change an asset and tell everybody who shows it. The asset is changed in place; a refusal is said. */
export async function note(asset, changes) {
  try {
    Object.assign(asset, await patch(`/v1/assets/${asset.id}`, changes));
    dispatchEvent(new CustomEvent("library:changed", { detail: asset }));
    return true;
  } catch (error) {
    toast(error.message, { kind: "bad" });
    return false;
  }
}

/**
 * Do one thing to many assets; resolves to the ids it was not done to.
 * @param {"delete" | "tag" | "untag" | "favourite" | "unfavourite" | "collect" | "uncollect"} action
 * @param {string[]} assetIds
 * @param {{tags?: string[], collectionId?: string}} [more]
 */
export async function act(action, assetIds, more = {}) {
  const skipped = [];
  for (let from = 0; from < assetIds.length; from += AT_ONCE) {
    const outcome = await post("/v1/assets/bulk", { action, assetIds: assetIds.slice(from, from + AT_ONCE), ...more });
    skipped.push(...outcome.skipped);
  }
  if (skipped.length) {
    const reasons = new Set(skipped.map(({ code }) => WHY[code] ?? code));
    toast(`${skipped.length} left as ${skipped.length === 1 ? "it is" : "they are"}: ${[...reasons].join(", ")}.`, { kind: "bad" });
  }
  return new Set(skipped.map(({ assetId }) => assetId));
}

/** A star that is on or off; `classes` say where it stands. */
export function star(asset, classes = "") {
  const button = h(`button.star${classes}`, { type: "button", "aria-label": "Favourite", onclick: async (event) => {
    event.stopPropagation();
    const isOn = !asset.favourite;
    // At once, and taken back where it is refused: whoever draws the asset meanwhile shows the same.
    asset.favourite = isOn;
    draw();
    if (!await note(asset, { favourite: isOn })) asset.favourite = !isOn;
    draw();
  } }, icon("star"));
  const draw = () => button.setAttribute("aria-pressed", String(Boolean(asset.favourite)));
  draw();
  return button;
}

/**
 * Tags as chips that can be taken away, and a field for more.
 * @param {{tags: string[], add: (tag: string) => Promise<unknown>, drop: (tag: string) => Promise<unknown>, open?: (tag: string) => void}} options
 */
export function tagEditor({ tags, add, drop, open }) {
  const field = h("input.tag-field", { type: "text", list: "known-tags", placeholder: "Add a tag", "aria-label": "Add a tag", maxlength: "50", autocomplete: "off" });
  const enter = async () => {
    const tag = field.value.trim();
    if (!tag) return;
    field.value = "";
    await add(tag);
  };
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter" || event.key === ",") { event.preventDefault(); enter(); }
  });
  field.addEventListener("blur", enter);
  return h("div.tags", {}, tags.map((tag) => h("span.tag", {},
    open ? h("button.tag-name", { type: "button", title: `Show all with ${tag}`, onclick: () => open(tag) }, tag) : tag,
    h("button.tag-drop", { type: "button", "aria-label": `Remove the tag ${tag}`, onclick: () => drop(tag) }, icon("close")))), field);
}
