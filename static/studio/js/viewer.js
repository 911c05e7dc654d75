// A picture over the whole screen, with what is known of it and what can be done with it.

import { get, remove } from "./api.js";
import { confirmation, copy, h, icon, toast } from "./dom.js";
import { bytes, clock, operation } from "./words.js";
import { catalogue } from "./catalogue.js";
import { fresh } from "./picture.js";

/** @param {{asset: any, job?: any}[]} items @param {number} index which one to show first */
export function openViewer(items, index) {
  const stage = h("div.viewer-stage");
  const side = h("aside.viewer-side");
  const previous = h("button.viewer-step.previous", { type: "button", "aria-label": "Previous", onclick: () => go(-1) }, icon("left"));
  const next = h("button.viewer-step.next", { type: "button", "aria-label": "Next", onclick: () => go(1) }, icon("right"));
  const close = h("button.icon-button.viewer-close", { type: "button", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"));
  const dialog = h("dialog.viewer", { "aria-label": "Picture" }, h("div.viewer-picture", {}, stage, previous, next), side, close);

  function go(step) {
    if (!items[index + step]) return;
    index += step;
    show();
  }

  async function show() {
    const item = items[index];
    previous.hidden = index === 0;
    next.hidden = index === items.length - 1;
    const { asset } = item;
    const image = h("img.checker", { alt: item.job?.input?.prompt ?? "Picture", width: asset.width ?? undefined, height: asset.height ?? undefined });
    stage.replaceChildren(image);
    side.replaceChildren(...details(item, dialog));
    try {
      image.src = (await fresh(asset)).url;
      if (!item.job && asset.source?.jobId) item.job = await get(`/v1/jobs/${asset.source.jobId}`).catch(() => null);
      if (items[index] === item && dialog.open) side.replaceChildren(...details(item, dialog));
    } catch (error) {
      toast(error.message, { kind: "bad" });
    }
  }

  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") go(1);
  });
  dialog.addEventListener("click", (event) => { if (event.target === stage || event.target === stage.parentElement) dialog.close(); });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
  show();
}

function details({ asset, job }, dialog) {
  const rows = [
    job && ["Made by", `${operation(job.operation).title}, ${job.model}`],
    asset.width && ["Size", `${asset.width} × ${asset.height}`],
    ["File", `${bytes(asset.size)}, ${asset.contentType.replace(/^\w+\//, "").toUpperCase()}`],
    job?.input?.seed !== undefined && ["Seed", String(job.input.seed)],
    ["Created", clock(asset.createdAt)],
    asset.expiresAt && ["Kept until", clock(asset.expiresAt)],
  ].filter(Boolean);
  return [
    job?.input?.prompt ? h("p.viewer-prompt", {}, job.input.prompt) : h("p.viewer-prompt.muted", {}, asset.source?.jobId ? "Result of a job" : "Uploaded"),
    h("div.viewer-actions", {},
      h("a.button.primary", { href: asset.url, download: fileName(asset), onclick: (event) => download(event, asset) }, icon("download"), "Download"),
      h("button.button", { type: "button", onclick: () => copyLink(asset) }, icon("link"), "Copy link")),
    useIn(asset, dialog),
    h("dl.facts.quiet", {}, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("button.button.ghost.danger-text", { type: "button", onclick: () => deleteAsset(asset, dialog) }, icon("trash"), "Delete"),
  ];
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
