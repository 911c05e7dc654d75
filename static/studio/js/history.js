// The history: every job of the organization, whoever and whatever sent it.

import { Pages } from "./api.js";
import { byId, h, icon, toast, whenNear } from "./dom.js";
import { jobCard } from "./job_card.js";
import { isLive, jobs } from "./jobs.js";
import { picture } from "./picture.js";
import { catalogue } from "./catalogue.js";
import { ago, clock, credits, operation, STATUS } from "./words.js";

class History {
  start() {
    this.list = byId("history");
    this.status = "";
    this.operation = "";
    this.q = "";
    /** @type {Map<string, () => void>} */
    this.updates = new Map();
    byId("history-filters").append(
      this.search(),
      this.filter("Status", "status", Object.entries(STATUS)),
      this.filter("Operation", "operation", catalogue.operations.map(({ slug, title }) => [slug, title])));
    jobs.addEventListener("changed", (event) => this.updates.get(/** @type {CustomEvent} */ (event).detail.jobId)?.());
    whenNear(byId("history-end"), () => { if (this.isOpen) this.more(); });
  }

  open() {
    this.isOpen = true;
    this.reload();
  }

  close() {
    this.isOpen = false;
  }

  search() {
    let timer = 0;
    const input = h("input", { type: "search", placeholder: "Words in the prompt", "aria-label": "Words in the prompt" });
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => { this.q = input.value.trim(); this.reload(); }, 300);
    });
    return input;
  }

  filter(title, name, options) {
    const select = h("select", { "aria-label": title, onchange: () => { this[name] = select.value; this.reload(); } },
      h("option", { value: "" }, `Any ${title.toLowerCase()}`), options.map(([value, text]) => h("option", { value }, text)));
    return select;
  }

  reload() {
    const query = new URLSearchParams({ limit: "30" });
    if (this.status) query.set("status", this.status);
    if (this.operation) query.set("operation", this.operation);
    if (this.q) query.set("q", this.q);
    this.pages = new Pages(`/v1/jobs?${query}`);
    this.updates.clear();
    this.list.setAttribute("aria-busy", "true");
    this.list.replaceChildren(...Array.from({ length: 8 }, () => h("div.history-row.skeleton")));
    this.more();
  }

  async more() {
    const { pages } = this;
    try {
      const page = await pages.next();
      if (pages !== this.pages || pages.pending) return;
      if (this.list.hasAttribute("aria-busy")) {
        this.list.replaceChildren();
        this.list.removeAttribute("aria-busy");
      }
      this.list.append(...page.map((job) => this.row(jobs.put(job))));
      if (!this.list.childElementCount) this.list.append(this.emptiness());
    } catch (error) {
      this.list.replaceChildren();
      this.list.removeAttribute("aria-busy");
      toast(error.message, { kind: "bad" });
    }
  }

  emptiness() {
    if (this.status || this.operation || this.q) return h("div.empty", {}, icon("search"), h("h2", {}, "No such jobs"), h("p.muted", {}, "Try another filter."));
    return h("div.empty", {}, icon("history"), h("h2", {}, "No jobs yet"), h("p.muted", {}, "Each job you send is listed here, with what it cost."), h("a.button.primary", { href: "#create" }, "Send the first"));
  }

  row(job) {
    const { title, icon: symbol } = operation(job.operation);
    const face = h("span.history-face");
    const status = h("span.status");
    const cost = h("span.history-cost");
    const button = h("button.history-row", { type: "button", onclick: () => showJob(job) }, face,
      h("span.history-words", {}, h("span.history-prompt", {}, job.input?.prompt || title), h("span.muted", {}, `${title} · ${job.model}`)),
      status, cost, h("time.muted", { datetime: job.createdAt, title: clock(job.createdAt) }, ago(job.createdAt)));
    const update = () => {
      const first = job.output?.assets?.find((asset) => asset.kind === "image");
      face.replaceChildren(first ? picture(first, { alt: "", width: 96 }) : icon(symbol));
      status.dataset.status = job.status;
      status.textContent = isLive(job) && job.progress ? `${job.progress} %` : STATUS[job.status];
      cost.textContent = isLive(job) ? "" : credits(job.cost?.chargedCredits ?? 0);
    };
    update();
    this.updates.set(job.jobId, update);
    return button;
  }
}

/** One job over the page, as the feed shows it. */
function showJob(job) {
  const card = jobCard(job);
  const dialog = h("dialog.job-dialog", { "aria-label": "Job" }, card.element,
    h("p.hint.job-number", {}, `Job ${job.jobId}`),
    h("button.icon-button.viewer-close", { type: "button", "aria-label": "Close", onclick: () => dialog.close() }, icon("close")));
  const follow = (event) => { if (event.detail === job) card.update(); };
  const leave = () => dialog.close();
  jobs.addEventListener("changed", follow);
  for (const type of ["studio:again", "studio:use"]) addEventListener(type, leave);
  dialog.addEventListener("close", () => {
    jobs.removeEventListener("changed", follow);
    for (const type of ["studio:again", "studio:use"]) removeEventListener(type, leave);
    dialog.remove();
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
}

export const history = new History();
