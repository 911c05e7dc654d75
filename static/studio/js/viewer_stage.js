// The asset itself, as large as there is room: a picture, a recording to play, the words of a text or document.

import { h, icon } from "./dom.js";
import { fresh, placeholder } from "./picture.js";
import { bytes } from "./words.js";

const MOST_SHOWN_BYTES = 500_000;

/** @returns {Node[]} */
export function shown(asset, job) {
  if (asset.kind === "image") return [pictureOf(asset, job)];
  if (asset.kind === "audio") return [recording(asset)];
  return [paper(asset)];
}

/** What is at hand at once, and in its place the picture itself when that has come. */
function pictureOf(asset, job) {
  const alt = job?.input?.prompt ?? (asset.prompt || asset.filename || "Picture");
  const image = h("img.checker", { alt, width: asset.width ?? undefined, height: asset.height ?? undefined });
  const stand = placeholder(asset);
  const frame = h("div.viewer-frame", {}, stand, image);
  frame.style.setProperty("--ratio", String(asset.width / asset.height || 1));
  frame.style.setProperty("--width", `${asset.width ?? 1024}px`);
  const small = asset.thumbnails?.at(-1)?.url ?? asset.preview;
  if (small) image.src = small;
  image.addEventListener("load", () => { image.classList.add("loaded"); stand?.remove(); });
  const whole = new Image();
  whole.addEventListener("error", () => image.classList.toggle("broken", !small));
  fresh(asset).then(async ({ url }) => {
    whole.src = url;
    await whole.decode();
    image.src = url;
  }).catch(() => {});
  return frame;
}

function recording(asset) {
  const player = h("audio", { controls: true, preload: "metadata", "aria-label": asset.filename || "Recording" });
  fresh(asset).then(({ url }) => { player.src = url; }).catch(() => {});
  return h("div.viewer-paper.sound", {}, icon("audio"), h("p", {}, asset.filename || "Recording"), player);
}

function paper(asset) {
  if (asset.size > MOST_SHOWN_BYTES) return h("div.viewer-paper.sound", {}, icon("file"), h("p", {}, asset.filename || "Document"), h("p.muted", {}, `${bytes(asset.size)}: too long to be shown here.`));
  const text = h("pre", { tabindex: "0", "aria-label": asset.filename || "Text" }, "…");
  read(asset).then((words) => { text.textContent = words; }).catch(() => { text.textContent = "It could not be read here. The download has it."; });
  return h("div.viewer-paper", {}, text);
}

async function read(asset) {
  const answer = await fetch((await fresh(asset)).url);
  if (!answer.ok) throw new Error(String(answer.status));
  return asset.kind === "json" ? JSON.stringify(await answer.json(), null, 2) : answer.text();
}
