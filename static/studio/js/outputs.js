// What a job made: pictures, sounds, documents, texts and facts.

import { copy, h, icon } from "./dom.js";
import { bytes, label } from "./words.js";
import { fresh, picture } from "./picture.js";
import { openViewer } from "./viewer.js";

const MOST_SHOWN_BYTES = 300_000;

/** The outputs of a job that succeeded, as elements. */
export function outputs(job) {
  const { assets = [], text = [], data = {} } = job.output ?? {};
  const pictures = assets.filter((asset) => asset.kind === "image");
  const parts = [];
  if (pictures.length) parts.push(gallery(pictures, job));
  for (const asset of assets) if (asset.kind !== "image") parts.push(document_(asset));
  for (const one of text) if (one) parts.push(words(one));
  const facts = Object.entries(data ?? {}).filter(([, value]) => value !== null && value !== "" && !(Array.isArray(value) && !value.length));
  if (facts.length) parts.push(factList(facts));
  if (!parts.length) parts.push(h("p.muted", {}, "There is nothing to show for this one."));
  return parts;
}

function gallery(pictures, job) {
  const items = pictures.map((asset) => ({ asset, job }));
  const element = h("div.gallery", { data: { count: String(Math.min(pictures.length, 5)) } },
    items.map(({ asset }, index) => {
      const button = h("button.shot", { type: "button", "aria-label": `Open picture ${index + 1} of ${pictures.length}`, onclick: () => openViewer(items, index) },
        picture(asset, { alt: job.input?.prompt ?? "Result", width: 900, isLazy: index > 3 }));
      if (asset.width) button.style.setProperty("--ratio", String(asset.width / asset.height));
      return button;
    }));
  return element;
}

function document_(asset) {
  if (asset.kind === "audio") return h("audio", { controls: true, src: asset.url });
  const link = h("a.document", { href: asset.url, target: "_blank", rel: "noopener" }, icon("file"), h("span", {}, asset.contentType), h("span.muted", {}, bytes(asset.size)));
  return asset.kind === "json" && asset.size <= MOST_SHOWN_BYTES ? h("div", {}, link, contents(asset)) : link;
}

/** The inside of a JSON document, read when somebody wants to see it. */
function contents(asset) {
  const text = h("pre", { tabindex: "0" });
  const details = h("details.contents", {}, h("summary", {}, "Look inside"), text);
  details.addEventListener("toggle", async () => {
    if (text.textContent) return;
    try {
      const answer = await fetch((await fresh(asset)).url);
      text.textContent = JSON.stringify(await answer.json(), null, 2);
    } catch {
      text.textContent = "It could not be read here. The link above opens it.";
    }
  });
  return details;
}

function words(text) {
  return h("figure.words", {}, h("blockquote", {}, text),
    h("button.icon-button", { type: "button", title: "Copy the text", "aria-label": "Copy the text", onclick: () => copy(text, "Text copied") }, icon("copy")));
}

/** Small facts side by side; what has an inside is shown as indented JSON. */
function factList(facts) {
  return h("dl.facts", {}, facts.map(([name, value]) => [h("dt", {}, label(name)), h("dd", {}, factValue(value))]));
}

function factValue(value) {
  if (Array.isArray(value) && value.every((one) => typeof one === "string" && one.length < 40)) {
    return value.every((one) => /^#[0-9a-f]{6}$/i.test(one)) ? value.map((one) => swatch(one)) : value.map((one) => h("span.tag", {}, one));
  }
  if (Array.isArray(value) && value.every((one) => /^#[0-9a-f]{6}$/i.test(one?.hex))) return value.map(share);
  if (typeof value === "object") return h("pre", { tabindex: "0" }, JSON.stringify(value, null, 2));
  return String(value);
}

/** A colour of a palette: {hex, name, share of the picture}. */
function share({ hex, name, share: part }) {
  return swatch(hex, [name ?? hex, part === undefined ? "" : `${Math.round(part * 100)} %`].join(" "));
}

function swatch(color, text = color) {
  const dot = h("i.swatch", { "aria-hidden": "true" });
  dot.style.background = color;
  return h("span.tag", {}, dot, text);
}
