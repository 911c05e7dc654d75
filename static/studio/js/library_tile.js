// One tile of the library: an asset, or a file that is still being sent.

import { h, icon } from "./dom.js";
import { placeholder, thumbnail } from "./picture.js";
import { bytes, clock, format, length } from "./words.js";

// A picture that is at hand is there by then, and a tile that is only flown over is gone.
const GUESS_AFTER_MILLISECONDS = 60;
const NOUNS = { image: "picture", audio: "recording", json: "document", text: "text" };

/** What an asset is called where people meet it. */
export function title(asset) {
  return asset.prompt || asset.filename || (asset.source?.jobId ? `Result of ${asset.operation ?? "a job"}` : `Uploaded ${NOUNS[asset.kind] ?? "file"}`);
}

/**
 * @param {any} asset
 * @param {{size: number, isSelected: boolean, open: (event: MouseEvent) => void, select: (event: MouseEvent) => void, star: () => void}} options
 */
export function assetTile(asset, { size, isSelected, open, select, star }) {
  const check = h("input", { type: "checkbox", checked: isSelected, "aria-label": `Select ${title(asset)}`, onclick: select });
  const stop = h("button.thumb-open", { type: "button", "aria-label": `Open ${NOUNS[asset.kind] ?? "file"}: ${title(asset)}, ${clock(asset.createdAt)}`, onclick: open }, asset.kind === "image" ? face(asset, size) : facts(asset));
  const element = h("div.thumb", { role: "listitem", data: { asset: asset.id, kind: asset.kind } }, stop,
    h("label.thumb-check", {}, check),
    h("button.thumb-star", { type: "button", "aria-pressed": String(asset.favourite), "aria-label": "Favourite", title: "Favourite", onclick: star }, icon("star")),
    marks(asset));
  element.classList.toggle("selected", isSelected);
  return {
    element,
    stop,
    resize: (now) => { const image = element.querySelector("img"); if (image?.srcset) image.sizes = `${Math.ceil(now * Math.max(1, asset.width / asset.height || 1))}px`; },
    select: (isChosen) => { check.checked = isChosen; element.classList.toggle("selected", isChosen); },
  };
}

function face(asset, size) {
  // Just made and not drawn yet: the page asks again in a moment.
  if (!asset.thumbnails.length && !asset.preview && !asset.isSettled) return [placeholder(asset) ?? h("span.thumb-file", {}, icon("library"))];
  const image = thumbnail(asset, { size });
  setTimeout(() => guess(asset, image), GUESS_AFTER_MILLISECONDS);
  return [image, h("span.thumb-words", { "aria-hidden": "true" }, title(asset))];
}

/** Show roughly what a picture looks like that lets itself be waited for. */
function guess(asset, image) {
  if (!image.isConnected || image.complete) return;
  const stand = placeholder(asset);
  if (!stand) return;
  image.before(stand);
  // What is see-through shows the ground, not a guess of itself.
  image.addEventListener("load", () => stand.remove());
}

function facts(asset) {
  return h("span.thumb-file", {}, icon(asset.kind === "audio" ? "audio" : asset.kind === "text" ? "describe" : "file"),
    h("span.thumb-name", {}, asset.filename || title(asset)),
    h("span.muted", {}, [asset.kind === "audio" && asset.durationSeconds ? length(asset.durationSeconds) : format(asset.contentType), bytes(asset.size)].join(" · ")));
}

function marks(asset) {
  if (!asset.public && !asset.legalHold) return null;
  return h("span.thumb-marks", {}, asset.public ? mark("globe", "Public") : null, asset.legalHold ? mark("lock", "On legal hold") : null);
}

const mark = (symbol, words) => h("span", { role: "img", "aria-label": words, title: words }, icon(symbol));

/**
 * A file on its way, with what the browser can show of it already.
 * @param {any} sending
 * @param {{cancel: () => void, again: () => void}} options
 */
export function sendingTile(sending, { cancel, again }) {
  const { file } = sending;
  const bar = h("div.bar", { role: "progressbar", "aria-label": `Uploading ${file.name}`, "aria-valuemin": "0", "aria-valuemax": "100" }, h("i"));
  const words = h("span.thumb-state");
  const retry = h("button.button.small", { type: "button", onclick: again }, icon("retry"), "Try again");
  const element = h("div.thumb.sending", { role: "listitem", "aria-label": file.name },
    sending.preview ? h("img.loaded", { src: sending.preview, alt: "" }) : h("span.thumb-file", {}, icon("file"), h("span.thumb-name", {}, file.name)),
    h("div.thumb-progress", {}, words, bar, retry),
    h("button.icon-button.thumb-cancel", { type: "button", "aria-label": `Cancel ${file.name}`, onclick: cancel }, icon("close")));
  const update = () => {
    const share = Math.round(sending.share * 100);
    element.classList.toggle("failed", Boolean(sending.error));
    bar.hidden = Boolean(sending.error);
    retry.hidden = !sending.error;
    bar.firstElementChild.style.inlineSize = `${share}%`;
    bar.setAttribute("aria-valuenow", String(share));
    words.textContent = sending.error ?? (sending.share >= 1 ? "Checking…" : sending.share ? `${share} %` : "Waiting…");
  };
  update();
  sending.update = update;
  return { element, stop: retry, leave: () => { sending.update = () => {}; } };
}
