// What is known of an asset and noted on it: to download, to use, to name, tag, collect, publish and delete.

import { get } from "./api.js";
import { change, collectAll, removeAll, starAll } from "./bulk.js";
import { catalogue } from "./catalogue.js";
import { collections } from "./collections.js";
import { copy, h, icon, toast } from "./dom.js";
import { askCollection } from "./library_dialogs.js";
import { fresh } from "./picture.js";
import { remember, tagChips } from "./tags.js";
import { bytes, clock, format, length, operation } from "./words.js";

/**
 * The elements beside an asset; `tellOfJob` adds what the item's job says, without touching what is being edited.
 * @param {{asset: any, job?: any}} item
 * @param {HTMLDialogElement} dialog
 */
export function side(item, dialog) {
  const { asset } = item;
  const prompt = h("p.viewer-prompt");
  const facts = h("dl.facts.quiet");
  const tellOfJob = () => {
    const words = item.job?.input?.prompt ?? asset.prompt;
    prompt.classList.toggle("muted", !words);
    prompt.textContent = words || (asset.source?.jobId ? "Result of a job" : "Uploaded");
    facts.replaceChildren(...factsOf(item).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  };
  tellOfJob();
  const elements = [
    prompt,
    h("div.viewer-actions", {},
      h("a.button.primary", { href: asset.url, download: fileName(asset), onclick: (event) => download(event, asset) }, icon("download"), "Download"),
      h("button.button", { type: "button", onclick: () => copyLink(asset) }, icon("link"), "Copy link"),
      star(asset)),
    useIn(asset, dialog),
    h("section.notes", { "aria-label": "Notes" }, name(asset), tags(asset), shelves(asset), asset.kind === "image" ? publicity(asset) : null),
    facts,
    asset.legalHold
      ? h("p.hint", {}, icon("lock"), " On legal hold: it cannot be deleted.")
      : h("button.button.ghost.danger-text", { type: "button", onclick: () => removeAll([asset]) }, icon("trash"), "Delete"),
  ];
  return { elements: elements.filter(Boolean), tellOfJob };
}

function factsOf({ asset, job }) {
  const seed = job?.input?.seed;
  const made = asset.operation ?? job?.operation;
  return [
    made && ["Made by", [operation(made).title, asset.model ?? job?.model].filter(Boolean).join(", ")],
    asset.width && ["Size", `${asset.width} × ${asset.height}`],
    asset.durationSeconds && ["Length", length(asset.durationSeconds)],
    ["File", `${bytes(asset.size)}, ${format(asset.contentType)}`],
    seed !== undefined && seed !== null && ["Seed", String(seed)],
    ["Created", clock(asset.createdAt)],
    asset.expiresAt && ["Kept until", clock(asset.expiresAt)],
  ].filter(Boolean);
}

function star(asset) {
  const button = h("button.button.toggle", { type: "button", "aria-pressed": String(Boolean(asset.favourite)), "aria-label": "Favourite", title: "Favourite" }, icon("star"));
  button.addEventListener("click", async () => {
    await starAll([asset], !asset.favourite);
    button.setAttribute("aria-pressed", String(asset.favourite));
  });
  return button;
}

function name(asset) {
  const input = h("input", { type: "text", value: asset.filename, placeholder: "No name yet", "aria-label": "File name", maxlength: "200", autocomplete: "off", spellcheck: "false" });
  input.addEventListener("change", async () => {
    if (input.value.trim() === asset.filename) return;
    if (!await change(asset, { filename: input.value.trim() })) input.focus();
    else input.value = asset.filename;
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") input.blur();
    if (event.key !== "Escape" || input.value === asset.filename) return;
    event.preventDefault();
    event.stopPropagation();
    input.value = asset.filename;
  });
  return h("label.field", {}, h("span.label", {}, "File name"), input);
}

function tags(asset) {
  const { element } = tagChips(asset.tags ?? [], { change: async (next) => {
    const isDone = await change(asset, { tags: next });
    remember(asset.tags);
    return isDone ? asset.tags : null;
  } });
  return h("div.field", { role: "group", "aria-label": "Tags of this file" }, h("span.label", {}, "Tags"), element);
}

/** The collections it is in: chips that lead there, each with a way out, and a way into another. */
function shelves(asset) {
  const list = h("ul.tag-chips", { "aria-label": "Collections" });
  let held = [];
  const show = () => list.replaceChildren(...held.map((collection) => h("li.tag", {},
    h("a", { href: `#library?collection=${collection.id}`, onclick: () => list.closest("dialog")?.close() }, collection.title),
    h("button.tag-remove", { type: "button", "aria-label": `Take out of ${collection.title}`, onclick: () => put(collection, false) }, icon("close")))));

  async function put(collection, isIn) {
    const done = await collectAll([asset], collection, isIn);
    if (!done.length) return;
    held = isIn ? [...held, collection] : held.filter(({ id }) => id !== collection.id);
    show();
  }

  collections.of(asset).then((found) => { held = found; show(); }).catch((error) => toast(error.message, { kind: "bad" }));
  const add = h("button.button.small", { type: "button", onclick: async () => {
    const collection = await askCollection({ held });
    if (collection) put(collection, true);
  } }, icon("plus"), "Add to collection");
  return h("div.field", { role: "group", "aria-label": "Collections of this file" }, h("span.label", {}, "Collections"), list, h("div", {}, add));
}

/** Whether anybody may see it, and at which address. */
function publicity(asset) {
  const box = h("input", { type: "checkbox", role: "switch", checked: asset.public });
  const address = h("div.public-link", { hidden: true });
  const show = () => {
    box.checked = asset.public;
    address.hidden = !asset.public;
    address.replaceChildren(...(asset.publicUrl
      ? [h("input", { type: "text", readonly: true, value: asset.publicUrl, "aria-label": "Public link", onfocus: (event) => event.target.select() }),
        h("button.icon-button", { type: "button", "aria-label": "Copy the public link", title: "Copy the public link", onclick: () => copy(asset.publicUrl, "Public link copied") }, icon("copy"))]
      : [h("p.hint", { role: "status" }, "The copy for everybody is being made…")]));
  };
  box.addEventListener("change", async () => {
    box.disabled = true;
    await change(asset, { public: box.checked });
    box.disabled = false;
    show();
    if (asset.public && await published(asset)) show();
  });
  show();
  if (asset.public && !asset.publicUrl) published(asset).then(show);
  return h("div.field", {}, h("label.check.switch", {}, box, h("span", {}, "Public", h("span.hint", {}, "Anybody with the link may see it"))), address);
}

/** Wait until the public copy was drawn; false where it takes too long or it was taken back. */
async function published(asset) {
  for (let wait = 400; wait < 10_000 && asset.public && !asset.publicUrl; wait *= 1.6) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    const now = await get(`/v1/assets/${asset.id}`).catch(() => null);
    if (now) Object.assign(asset, now);
  }
  return Boolean(asset.publicUrl);
}

function useIn(asset, dialog) {
  const operations = catalogue.takers(asset.kind);
  if (!operations.length) return null;
  return h("section.use-in", { "aria-label": "Use this in" }, h("h3", {}, "Use this in"),
    h("div.chips", {}, operations.map(({ slug, title, icon: symbol }) => h("button.chip", {
      type: "button",
      onclick: () => {
        dialog.close();
        dispatchEvent(new CustomEvent("studio:use", { detail: { operation: slug, asset } }));
      },
    }, icon(symbol), title))));
}

function fileName(asset) {
  if (asset.filename) return asset.filename;
  return `${asset.id}.${format(asset.contentType).toLowerCase().replace("jpeg", "jpg")}`;
}

/** A link may have run out while the picture was looked at: sign it anew before it is followed. */
async function download(event, asset) {
  if (new Date(asset.urlExpiresAt ?? 0).getTime() > Date.now() + 5000) return;
  event.preventDefault();
  const link = h("a", { href: (await fresh(asset)).url, download: fileName(asset) });
  link.click();
}

async function copyLink(asset) {
  try {
    const { url, urlExpiresAt } = await get(`/v1/assets/${asset.id}`);
    const minutes = urlExpiresAt ? Math.max(1, Math.round((new Date(urlExpiresAt).getTime() - Date.now()) / 60000)) : 0;
    await copy(new URL(url, location.href).href, minutes ? `Link copied. It opens for anyone for ${minutes} min.` : "Link copied");
  } catch (error) {
    toast(error.message, { kind: "bad" });
  }
}
