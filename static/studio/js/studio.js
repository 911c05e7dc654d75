// The studio page: its three views, the feed of jobs, and what is dropped or pasted anywhere on it.

import { Pages } from "./api.js";
import { byId, h, icon, toast, whenNear } from "./dom.js";
import { catalogue } from "./catalogue.js";
import { composer } from "./composer.js";
import { history } from "./history.js";
import { jobCard } from "./job_card.js";
import { jobs } from "./jobs.js";
import { library } from "./library.js";
import { liveJobs } from "./socket.js";
import { startShell } from "./shell.js";

const VIEWS = { create: null, library, history };
const LIVE_WORDS = { live: "Live", connecting: "", idle: "", reconnecting: "Reconnecting…", polling: "Live updates are off, checking every few seconds" };

const feed = byId("feed");
/** @type {Map<string, {element: HTMLElement, update: () => void}>} */
const cards = new Map();
const pages = new Pages("/v1/jobs?limit=12");

/** The view an address names and what it says more: "#library?kind=image" → ["library", "kind=image"]. */
function place() {
  const [name, query = ""] = location.hash.slice(1).split("?", 2);
  return name in VIEWS ? [name, query] : ["create", ""];
}

function showView() {
  const [chosen, query] = place();
  for (const [name, view] of Object.entries(VIEWS)) {
    byId(`view-${name}`).hidden = name !== chosen;
    if (name !== chosen) view?.close();
  }
  for (const link of document.querySelectorAll(".tabs a")) {
    if (link.dataset.view === chosen) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!VIEWS[chosen]?.open(query)) scrollTo(0, 0);
}

function cardOf(job) {
  if (!cards.has(job.jobId)) cards.set(job.jobId, jobCard(job));
  return cards.get(job.jobId).element;
}

async function moreJobs() {
  try {
    const page = await pages.next();
    if (feed.getAttribute("aria-busy") === "true" && !pages.pending) {
      feed.replaceChildren();
      feed.removeAttribute("aria-busy");
    }
    feed.append(...page.map((job) => cardOf(jobs.put(job))));
    if (!feed.childElementCount && !pages.pending) feed.append(firstSteps());
  } catch (error) {
    feed.removeAttribute("aria-busy");
    feed.replaceChildren(h("div.empty", {}, icon("alert"), h("h2", {}, "Your jobs could not be loaded"), h("p.muted", {}, error.message),
      h("button.button", { type: "button", onclick: () => location.reload() }, "Try again")));
  }
}

const IDEAS = [
  "A lighthouse at dusk, waves breaking, soft film grain",
  "A paper-cut fox in an autumn forest, layered shadows",
  "A quiet kitchen in morning light, watercolor",
];

function firstSteps() {
  return h("div.empty.first", {}, icon("generate"), h("h2", {}, "What shall it be?"),
    h("p.muted", {}, "Describe a picture and send it. Progress and results appear here."),
    h("div.chips", {}, IDEAS.map((idea) => h("button.chip", { type: "button", onclick: () => {
      composer.again({ operation: "generate", input: { prompt: idea } });
      byId("send").focus();
    } }, idea))));
}

function wireFeed() {
  jobs.addEventListener("added", (event) => {
    feed.querySelector(".empty")?.remove();
    const element = cardOf(/** @type {CustomEvent} */ (event).detail);
    element.classList.add("arriving");
    feed.prepend(element);
    if (place()[0] !== "create") return;
    const isBelow = element.getBoundingClientRect().top > innerHeight * 0.6;
    if (isBelow || scrollY > 200) element.scrollIntoView({ block: isBelow ? "center" : "start", behavior: "smooth" });
  });
  jobs.addEventListener("changed", (event) => {
    const job = /** @type {CustomEvent} */ (event).detail;
    cards.get(job.jobId)?.update();
    if (job.status === "succeeded") dispatchEvent(new CustomEvent("library:added"));
  });
}

function wireFiles() {
  const give = (files) => {
    if (!files.length) return;
    if (place()[0] === "library") library.addFiles(files);
    else if (!composer.addFiles(files)) toast("This operation takes no picture. Choose one that does, such as Upscale.");
  };
  const over = (isOver) => document.body.classList.toggle("dropping", isOver && place()[0] === "library");
  addEventListener("dragover", (event) => { event.preventDefault(); over(event.dataTransfer.types.includes("Files")); });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) over(false); });
  addEventListener("drop", (event) => { event.preventDefault(); over(false); give([...event.dataTransfer.files]); });
  addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (files.length) { event.preventDefault(); give(files); }
  });
}

function wireRequests() {
  addEventListener("studio:use", (event) => {
    const { operation, asset } = /** @type {CustomEvent} */ (event).detail;
    location.hash = "#create";
    composer.use(operation, asset);
    scrollTo({ top: 0, behavior: "smooth" });
  });
  addEventListener("studio:again", (event) => {
    location.hash = "#create";
    composer.again(/** @type {CustomEvent} */ (event).detail);
    scrollTo({ top: 0, behavior: "smooth" });
  });
}

liveJobs.onState = (state) => {
  const badge = byId("live");
  badge.dataset.state = state;
  badge.textContent = LIVE_WORDS[state];
  badge.hidden = !LIVE_WORDS[state];
};

async function start() {
  startShell();
  wireFeed();
  wireFiles();
  wireRequests();
  try {
    await catalogue.load();
  } catch (error) {
    byId("fields").replaceChildren(h("div.notice.bad", { role: "alert" }, icon("alert"), h("p", {}, error.message)));
    return;
  }
  composer.start();
  library.start();
  history.start();
  addEventListener("hashchange", showView);
  showView();
  await moreJobs();
  whenNear(byId("feed-end"), moreJobs);
}

start();
