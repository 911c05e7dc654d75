// A field that takes assets: drop, paste, choose a file or pick from the library; shows what was chosen.

import { h, icon, toast } from "./dom.js";
import { ACCEPT, upload } from "./upload.js";
import { bytes } from "./words.js";
import { pickFromLibrary } from "./picker.js";
import { get } from "./api.js";
import { picture } from "./picture.js";

// Assets that a field has shown: moved from one operation's form to the next without asking for them again.
const seen = new Map();

const NOUN = { image: "picture", audio: "recording", json: "document" };

/**
 * @param {string} id
 * @param {{kind: string, most: number, isList: boolean}} options
 */
export function assetControl(id, { kind, most, isList }) {
  /** @type {{asset: any, tile: HTMLElement, abort?: AbortController}[]} */
  let entries = [];
  // Counts what the person chose here: values that are still being looked up give way to it.
  let choices = 0;
  const noun = NOUN[kind] ?? "file";
  const chooser = h("input.visually-hidden", { id, type: "file", accept: ACCEPT[kind], multiple: isList, onchange: () => { addFiles([...chooser.files]); chooser.value = ""; } });
  const tiles = h("div.asset-tiles");
  const zone = h("div.dropzone", {},
    icon(kind === "audio" ? "audio" : "library"),
    h("p", {}, h("span.wide-only", {}, `Drop or paste a ${noun}, or `), h("button.link", { type: "button", onclick: () => chooser.click() }, "choose a file"), " · ",
      h("button.link", { type: "button", onclick: pick }, "library")));
  const element = h("div.asset-field", {}, chooser, tiles, zone);

  const hasRoom = () => entries.length < most;

  function show() {
    zone.hidden = !hasRoom();
    zone.classList.toggle("compact", entries.length > 0);
    tiles.hidden = !entries.length;
  }

  function changed() {
    show();
    element.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function drop(entry) {
    entry.abort?.abort();
    entry.tile.remove();
    entries = entries.filter((other) => other !== entry);
    changed();
  }

  function makeRoom() {
    if (hasRoom()) return true;
    if (!isList) { drop(entries[0]); return true; }
    toast(`At most ${most} ${noun}s fit here.`, { kind: "bad" });
    return false;
  }

  function addAsset(asset) {
    if (asset.kind && asset.kind !== kind) return toast(`This field takes a ${noun}.`, { kind: "bad" });
    if (!makeRoom()) return;
    choices += 1;
    seen.set(asset.id, asset);
    const entry = { asset, tile: tile(kind === "image" ? picture(asset, { alt: "Chosen picture" }) : icon("file"), facts(asset), () => drop(entry)) };
    entries.push(entry);
    tiles.append(entry.tile);
    changed();
  }

  function addFiles(files) {
    for (const file of files.slice(0, Math.max(1, most - (isList ? entries.length : 0)))) addFile(file);
  }

  async function addFile(file) {
    if (kind === "image" && !file.type.startsWith("image/")) return toast(`“${file.name}” is not a picture.`, { kind: "bad" });
    if (!makeRoom()) return;
    choices += 1;
    const preview = kind === "image" ? h("img", { src: URL.createObjectURL(file), alt: "Chosen picture" }) : icon("file");
    const bar = h("div.bar", { role: "progressbar", "aria-label": `Uploading ${file.name}`, "aria-valuemin": "0", "aria-valuemax": "100" }, h("i"));
    const entry = { asset: null, abort: new AbortController(), tile: tile(preview, h("span", {}, "Uploading…"), () => drop(entry)) };
    entry.tile.append(bar);
    entries.push(entry);
    tiles.append(entry.tile);
    changed();
    try {
      entry.asset = await upload(file, {
        signal: entry.abort.signal,
        onProgress: (share) => {
          bar.firstElementChild.style.inlineSize = `${share * 100}%`;
          bar.setAttribute("aria-valuenow", String(Math.round(share * 100)));
        },
      });
      bar.remove();
      seen.set(entry.asset.id, entry.asset);
      entry.tile.querySelector(".tile-facts").replaceChildren(facts(entry.asset));
      dispatchEvent(new CustomEvent("library:added", { detail: entry.asset }));
      changed();
    } catch (error) {
      if (error.name === "AbortError") return;
      drop(entry);
      toast(error.message, { kind: "bad" });
    }
  }

  async function pick() {
    const asset = await pickFromLibrary(kind);
    if (asset) addAsset(asset);
  }

  for (const type of ["dragenter", "dragover"]) zone.addEventListener(type, () => zone.classList.add("over"));
  for (const type of ["dragleave", "drop"]) zone.addEventListener(type, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    addFiles([...event.dataTransfer.files]);
  });
  show();
  return {
    element,
    role: "group",
    hasRoom,
    addFiles,
    addAsset,
    isBusy: () => entries.some((entry) => !entry.asset),
    chosen: () => entries.map((entry) => entry.asset).filter(Boolean),
    read: () => {
      const ids = entries.filter((entry) => entry.asset).map((entry) => entry.asset.id);
      if (!ids.length) return undefined;
      return isList ? ids : ids[0];
    },
    /** Takes asset ids, as a job's input has them; one that is gone by now is left out. */
    write: async (value) => {
      for (const entry of entries) entry.tile.remove();
      entries = [];
      show();
      for (const assetId of [value].flat().filter(Boolean)) {
        const before = choices;
        const asset = seen.get(assetId) ?? await get(`/v1/assets/${assetId}`).catch(() => null);
        if (asset && before === choices) addAsset(asset);
      }
    },
    focus: () => zone.querySelector("button").focus(),
  };
}

function facts(asset) {
  const size = asset.width ? `${asset.width} × ${asset.height}` : asset.contentType;
  return h("span", {}, `${size} · ${bytes(asset.size)}`);
}

function tile(preview, words, onRemove) {
  return h("div.tile", {}, h("div.tile-picture", {}, preview), h("div.tile-facts", {}, words),
    h("button.icon-button", { type: "button", "aria-label": "Remove", onclick: onRemove }, icon("close")));
}
