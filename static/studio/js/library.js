// The library: everything the organization holds, newest first, loaded as it is scrolled.

import { Pages } from "./api.js";
import { byId, h, icon, toast, whenNear } from "./dom.js";
import { ACCEPT, upload } from "./upload.js";
import { picture } from "./picture.js";
import { openViewer } from "./viewer.js";
import { bytes } from "./words.js";

const KINDS = [["", "Everything"], ["image", "Pictures"], ["audio", "Sounds"], ["json", "Documents"]];

class Library {
  start() {
    this.grid = byId("library");
    this.kind = "";
    /** @type {{asset: any, element: HTMLElement}[]} */
    this.entries = [];
    byId("library-filters").append(this.filters(), this.uploadButton());
    addEventListener("library:added", () => { this.isStale = true; });
    addEventListener("library:removed", (event) => this.drop(/** @type {CustomEvent} */ (event).detail));
    whenNear(byId("library-end"), () => { if (this.isOpen) this.more(); });
    this.isStale = true;
  }

  /** Called when the view is shown; reads afresh if something was added since. */
  open() {
    this.isOpen = true;
    if (this.isStale) this.reload();
  }

  close() {
    this.isOpen = false;
  }

  filters() {
    const select = h("select", { "aria-label": "Show", onchange: () => { this.kind = select.value; this.reload(); } }, KINDS.map(([value, text]) => h("option", { value }, text)));
    return select;
  }

  uploadButton() {
    const chooser = h("input.visually-hidden", { type: "file", multiple: true, accept: ACCEPT.image, tabindex: "-1", "aria-label": "Files to upload", onchange: () => { this.addFiles([...chooser.files]); chooser.value = ""; } });
    return h("div", {}, chooser, h("button.button", { type: "button", onclick: () => chooser.click() }, icon("upload"), "Upload"));
  }

  async addFiles(files) {
    for (const file of files) {
      const waiting = h("div.thumb.developing", { "aria-label": `Uploading ${file.name}` }, h("div.bar", {}, h("i")));
      this.grid.querySelector(".empty")?.remove();
      this.grid.prepend(waiting);
      try {
        const asset = await upload(file, { onProgress: (share) => { waiting.querySelector("i").style.inlineSize = `${share * 100}%`; } });
        this.entries.unshift(this.entry(asset));
        waiting.replaceWith(this.entries[0].element);
      } catch (error) {
        waiting.remove();
        toast(`${file.name}: ${error.message}`, { kind: "bad" });
      }
    }
    this.showEmptiness();
  }

  reload() {
    this.isStale = false;
    this.pages = new Pages(`/v1/assets?limit=40${this.kind ? `&kind=${this.kind}` : ""}`);
    this.entries = [];
    this.grid.setAttribute("aria-busy", "true");
    this.grid.replaceChildren(...Array.from({ length: 12 }, () => h("div.thumb.skeleton")));
    this.more();
  }

  async more() {
    const { pages } = this;
    try {
      const assets = await pages.next();
      if (pages !== this.pages) return;
      if (this.grid.getAttribute("aria-busy") === "true" && !pages.pending) {
        this.grid.replaceChildren();
        this.grid.removeAttribute("aria-busy");
      }
      for (const asset of assets) {
        const entry = this.entry(asset);
        this.entries.push(entry);
        this.grid.append(entry.element);
      }
    } catch (error) {
      this.grid.replaceChildren();
      toast(error.message, { kind: "bad" });
    }
    this.showEmptiness();
  }

  entry(asset) {
    const element = h("button.thumb", { type: "button", data: { asset: asset.id }, "aria-label": `Open ${asset.kind} of ${new Date(asset.createdAt).toLocaleString("en")}` },
      asset.kind === "image" ? picture(asset, { alt: "" }) : h("span.thumb-file", {}, icon(asset.kind === "audio" ? "audio" : "file"), h("span", {}, asset.contentType), h("span.muted", {}, bytes(asset.size))));
    element.addEventListener("click", () => this.look(asset));
    return { asset, element };
  }

  look(asset) {
    if (asset.kind !== "image") return window.open(asset.url, "_blank", "noopener");
    const pictures = this.entries.filter((entry) => entry.asset.kind === "image").map((entry) => ({ asset: entry.asset }));
    openViewer(pictures, pictures.findIndex((item) => item.asset === asset));
  }

  drop(asset) {
    const entry = this.entries.find((one) => one.asset.id === asset.id);
    entry?.element.remove();
    this.entries = this.entries.filter((one) => one !== entry);
    this.showEmptiness();
  }

  showEmptiness() {
    if (this.grid.hasAttribute("aria-busy")) return;
    const isEmpty = !this.grid.querySelector(".thumb");
    this.grid.querySelector(".empty")?.remove();
    if (isEmpty) {
      this.grid.append(h("div.empty", {}, icon("library"), h("h2", {}, "Your library is empty"),
        h("p.muted", {}, "What you upload and what your jobs make is kept here."), h("a.button.primary", { href: "#create" }, "Make something")));
    }
  }
}

export const library = new Library();
