// One job in the feed: what was asked, how it goes, what came of it.

import { h, icon } from "./dom.js";
import { ago, clock, credits, duration, operation, stage, STATUS } from "./words.js";
import { catalogue } from "./catalogue.js";
import { isLive, jobs } from "./jobs.js";
import { outputs } from "./outputs.js";

/** A card that follows its job: call `update` when the job changed. */
export function jobCard(job) {
  const { title, icon: symbol } = operation(job.operation);
  const heading = h("h2.prompt", {}, job.input?.prompt || title);
  const badge = h("span.badge");
  const meta = h("p.meta");
  const body = h("div.job-body");
  const actions = h("div.job-actions");
  const element = h("article.card.job", { data: { job: job.jobId }, "aria-label": `${title}: ${job.input?.prompt ?? ""}` },
    h("header.job-head", {}, h("span.job-icon", {}, icon(symbol)), h("div.grow", {}, heading, meta), badge), body, actions);
  heading.addEventListener("click", () => heading.classList.toggle("open"));
  let shown = "";
  let progress = null;

  function update() {
    element.dataset.status = job.status;
    badge.textContent = job.status === "succeeded" ? "" : STATUS[job.status];
    badge.hidden = job.status === "succeeded" || isLive(job);
    meta.replaceChildren(...facts(job));
    const form = isLive(job) ? "live" : job.status;
    if (form !== shown) {
      shown = form;
      progress = isLive(job) ? liveBody(job) : null;
      body.replaceChildren(...(progress ? [progress.element] : endedBody(job)));
      actions.replaceChildren(...buttons(job));
    }
    progress?.update();
  }

  update();
  return { element, update };
}

function facts(job) {
  const parts = [job.input?.prompt ? operation(job.operation).title : null, job.model].filter(Boolean);
  const cost = job.cost?.chargedCredits ?? null;
  if (!isLive(job)) parts.push(cost === 0 && job.status !== "succeeded" ? "not charged" : credits(cost ?? 0));
  else if (job.cost?.heldCredits) parts.push(`${credits(job.cost.heldCredits)} held`);
  if (job.status === "succeeded" && job.startedAt && job.finishedAt) parts.push(duration(job.createdAt, job.finishedAt));
  return [...parts.flatMap((part) => [h("span", {}, part), h("span.dot", { "aria-hidden": "true" }, "·")]),
    h("time", { datetime: job.createdAt, title: clock(job.createdAt) }, ago(job.createdAt))];
}

/** Placeholders in the shape of what will come, and the bar. */
function liveBody(job) {
  const tiles = makesPictures(job) ? h("div.gallery", { data: { count: String(Math.min(job.input?.count ?? 1, 5)) } },
    Array.from({ length: Math.min(job.input?.count ?? 1, 8) }, () => placeholder(job))) : null;
  const fill = h("i");
  const bar = h("div.bar", { role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100", "aria-label": "Progress" }, fill);
  const words = h("span.stage");
  const percent = h("span.percent");
  const element = h("div.live-body", {}, tiles, bar, h("p.progress-words", {}, words, percent));
  return {
    element,
    update: () => {
      bar.classList.toggle("waiting", job.status === "queued" || !job.progress);
      bar.setAttribute("aria-valuenow", String(job.progress ?? 0));
      bar.setAttribute("aria-valuetext", `${stage(job)}, ${job.progress ?? 0} %`);
      fill.style.inlineSize = `${job.progress ?? 0}%`;
      words.textContent = stage(job);
      percent.textContent = job.progress ? `${job.progress} %` : "";
    },
  };
}

const makesPictures = (job) => !["describe", "magic-prompt", "transcribe"].includes(job.operation);

function placeholder(job) {
  const tile = h("div.shot.developing");
  const { aspectRatio, width, height } = job.input ?? {};
  const match = /^(\d+)[x:](\d+)$/.exec(aspectRatio ?? "");
  const ratio = width && height ? width / height : match ? Number(match[1]) / Number(match[2]) : 1;
  tile.style.setProperty("--ratio", String(ratio));
  return tile;
}

function endedBody(job) {
  if (job.status === "succeeded") return outputs(job);
  const words = job.error?.detail || { canceled: "You stopped this job.", expired: "It did not start in time." }[job.status] || "It did not work out.";
  const isFailure = job.status === "failed";
  return [h(isFailure ? "div.notice.bad" : "div.notice", { role: isFailure ? "alert" : null }, icon(isFailure ? "alert" : "history"),
    h("div", {}, h("p", {}, words), job.error?.code ? h("p.hint", {}, job.error.code) : null))];
}

// What people most often do next with one picture; the viewer offers the rest.
const NEXT_STEPS = ["upscale", "reframe", "edit", "remix"];

function nextSteps(job) {
  const assets = job.output?.assets ?? [];
  if (assets.length !== 1 || assets[0].kind !== "image") return [];
  const offered = new Map(catalogue.takers("image").map((one) => [one.slug, one]));
  return NEXT_STEPS.map((slug) => offered.get(slug)).filter((one) => one && one.slug !== job.operation).slice(0, 3).map(({ slug, title, icon: symbol }) => h("button.button.small", {
    type: "button", onclick: () => dispatchEvent(new CustomEvent("studio:use", { detail: { operation: slug, asset: assets[0] } })),
  }, icon(symbol), title));
}

function buttons(job) {
  if (isLive(job)) {
    const button = h("button.button.small", { type: "button", onclick: async () => { button.disabled = true; await jobs.cancel(job); button.disabled = !isLive(job); } }, "Cancel");
    return [button];
  }
  const again = h("button.button.small", { type: "button", onclick: () => dispatchEvent(new CustomEvent("studio:again", { detail: job })) }, icon("edit"), "Reuse settings");
  if (job.status === "succeeded") return [...nextSteps(job), again];
  return [h("button.button.small", { type: "button", onclick: () => jobs.retry(job) }, icon("retry"), "Try again"), again];
}
