// An asset over the whole screen, with what is known of it, what is noted on it and what can be done with it.

import { get, remove } from "./api.js";
import { confirmation, copy, h, icon, toast } from "./dom.js";
import { bytes, clock, KIND, operation, seconds } from "./words.js";
import { catalogue } from "./catalogue.js";
import { collectionPicker, collections } from "./collections.js";
import { note, star, tagEditor } from "./notes.js";
import { fresh } from "./picture.js";

const MOST_SHOWN_BYTES = 300_000;
/** How often the address of a picture that was made public is looked for, until its copy is drawn. */
const PUBLIC_MILLISECONDS = [500, 1_000, 2_000, 4_000, 8_000];

/** @param {{asset: any, job?: any}[]} items @param {number} index which one to show first */
export function openViewer(items, index) {
  const stage = h("div.viewer-stage");
  const side = h("aside.viewer-side");
  const previous = h("button.viewer-step.previous", { type: "button", "aria-label": "Previous", onclick: () => go(-1) }, icon("left"));
  const next = h("button.viewer-step.next", { type: "button", "aria-label": "Next", onclick: () => go(1) }, icon("right"));
  const close = h("button.icon-button.viewer-close", { type: "button", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"));
  const dialog = h("dialog.viewer", { "aria-label": KIND[items[index].asset.kind] ?? "Asset" }, h("div.viewer-picture", {}, stage, previous, next), side, close);

  function go(step) {
    if (!items[index + step]) return;
    index += step;
    show();
  }

  const tell = (item) => {
    if (items[index] === item && dialog.open) side.replaceChildren(...details(item, dialog, () => tell(item)));
  };

  async function show() {
    const item = items[index];
    previous.hidden = index === 0;
    next.hidden = index === items.length - 1;
    const { asset } = item;
    tell(item);
    try {
      const shown = await face(item);
      if (items[index] === item) stage.replaceChildren(shown);
      if (item.job || !asset.source?.jobId) return;
      item.job = await get(`/v1/jobs/${asset.source.jobId}`).catch(() => null);
      // Not under the hands of somebody who writes.
      if (!side.contains(document.activeElement)) tell(item);
    } catch (error) {
      toast(error.message, { kind: "bad" });
    }
  }

  dialog.addEventListener("keydown", (event) => {
    if (event.target.matches("input, audio, pre")) return;
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") go(1);
  });
  dialog.addEventListener("click", (event) => { if (event.target === stage || event.target === stage.parentElement) dialog.close(); });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
  show();
  if (!collections.all.length) collections.load().catch(() => {});
}

/** What is looked at, heard or read. */
async function face({ asset, job }) {
  const { url } = await fresh(asset);
  if (asset.kind === "image") return h("img.checker", { alt: job?.input?.prompt ?? asset.prompt ?? "Picture", width: asset.width ?? undefined, height: asset.height ?? undefined, src: url });
  if (asset.kind === "audio") return h("audio", { controls: true, src: url });
  if (asset.size > MOST_SHOWN_BYTES) return h("p.muted", {}, "This is too long to be shown here. Download it to read it.");
  const answer = await fetch(url);
  const text = await answer.text();
  return h("pre.viewer-text", { tabindex: "0" }, asset.kind === "json" ? JSON.stringify(JSON.parse(text), null, 2) : text);
}

function details({ asset, job }, dialog, redraw) {
  const rows = [
    asset.filename && ["Name", asset.filename],
    asset.model && ["Made by", [asset.operation && operation(asset.operation).title, asset.model].filter(Boolean).join(", ")],
    asset.width && ["Size", `${asset.width} × ${asset.height}`],
    asset.durationSeconds && ["Length", seconds(asset.durationSeconds)],
    ["File", `${bytes(asset.size)}, ${asset.contentType.replace(/^\w+\//, "").toUpperCase()}`],
    job?.input?.seed !== undefined && ["Seed", String(job.input.seed)],
    ["Created", clock(asset.createdAt)],
    asset.expiresAt && ["Kept until", clock(asset.expiresAt)],
    asset.legalHold && ["Legal hold", "It cannot be deleted."],
  ].filter(Boolean);
  const prompt = job?.input?.prompt ?? asset.prompt;
  return [
    h("div.viewer-head", {}, h(prompt ? "p.viewer-prompt" : "p.viewer-prompt.muted", {}, prompt ?? (asset.source?.jobId ? "Result of a job" : "Uploaded")), star(asset)),
    h("div.viewer-actions", {},
      h("a.button.primary", { href: asset.url, download: fileName(asset), onclick: (event) => download(event, asset) }, icon("download"), "Download"),
      h("button.button", { type: "button", onclick: () => copyLink(asset) }, icon("link"), "Copy link")),
    useIn(asset, dialog),
    notes(asset, dialog, redraw),
    h("dl.facts.quiet", {}, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("button.button.ghost.danger-text", { type: "button", onclick: () => deleteAsset(asset, dialog) }, icon("trash"), "Delete"),
  ];
}

function notes(asset, dialog, redraw) {
  const change = async (changes) => { if (await note(asset, changes)) redraw(); };
  const name = h("input", { type: "text", value: asset.filename, maxlength: "200", placeholder: "No name yet", autocomplete: "off", onchange: () => change({ filename: name.value.trim() }) });
  const tags = asset.tags ?? [];
  const putButton = h("button.button.small", { type: "button" }, icon("library"), "Put into a collection");
  return h("section.viewer-notes", { "aria-label": "Notes" },
    h("label.field", {}, h("span.label", {}, "Name"), name),
    h("div", {}, h("h3", {}, "Tags"), tagEditor({
      tags, add: (tag) => change({ tags: [...tags, tag] }), drop: (tag) => change({ tags: tags.filter((one) => one !== tag) }),
      open: (tag) => { dialog.close(); location.hash = `#library?${new URLSearchParams({ tag })}`; },
    })),
    h("div", {}, collectionPicker(putButton, async (collection) => {
      try {
        await collections.put(collection.id, [asset.id]);
        toast(`Put into “${collection.title}”`, { kind: "good" });
      } catch (error) {
        toast(error.message, { kind: "bad" });
      }
    })),
    asset.kind === "image" ? publicSwitch(asset, redraw) : null);
}

function publicSwitch(asset, redraw) {
  const box = h("input", { type: "checkbox", checked: asset.public, onchange: async () => {
    if (await note(asset, { public: box.checked }) && asset.public) await publicAddress(asset);
    redraw();
  } });
  return h("div.row", {}, h("label.switch.grow", {}, box, "Anybody with the address may see it"),
    asset.publicUrl ? h("button.button.small", { type: "button", onclick: () => copy(new URL(asset.publicUrl, location.href).href, "Public address copied") }, icon("globe"), "Copy") : null);
}

/** Wait until the copy that everybody sees has been drawn. */
async function publicAddress(asset) {
  for (const wait of PUBLIC_MILLISECONDS) {
    if (asset.publicUrl) return;
    await new Promise((resolve) => setTimeout(resolve, wait));
    Object.assign(asset, await get(`/v1/assets/${asset.id}`).catch(() => ({})));
  }
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
  const ending = asset.contentType.split("/")[1]?.replace("jpeg", "jpg").replace(/\+.*/, "") ?? "bin";
  return `${asset.id}.${ending}`;
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

/** Delete after asking. Lists take it out when they hear "library:removed". */
async function deleteAsset(asset, dialog) {
  if (!await confirmation({ title: "Delete this for good?", text: "It disappears from the library, and links to it stop working.", agree: "Delete" })) return;
  try {
    await remove(`/v1/assets/${asset.id}`);
    dispatchEvent(new CustomEvent("library:removed", { detail: asset }));
    dialog.close();
    toast("Deleted", { kind: "good" });
  } catch (error) {
    toast(error.message, { kind: "bad" });
  }
}
