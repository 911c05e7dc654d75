// The jobs this page knows: sending, watching, canceling, retrying. Views listen to "added" and "changed".

import { create, get, post } from "./api.js";
import { announce, toast } from "./dom.js";
import { balance } from "./balance.js";
import { liveJobs } from "./socket.js";
import { operation, STATUS } from "./words.js";

export const isLive = (job) => job.status === "queued" || job.status === "running";

const CANCELED = {
  prevented: "Canceled before it started. Nothing was charged.",
  requested: "Asked the provider to stop.",
  too_late: "Too late to stop: it is nearly done.",
};

class Jobs extends EventTarget {
  constructor() {
    super();
    /** @type {Map<string, any>} */
    this.known = new Map();
  }

  /** Take in a job as the API tells it; a living one is watched from here on. */
  put(job) {
    const isNew = !this.known.has(job.jobId);
    const before = this.known.get(job.jobId);
    this.known.set(job.jobId, Object.assign(before ?? {}, job));
    if (isNew && isLive(job)) liveJobs.watch(job.jobId, 0, (event) => this.apply(event));
    return this.known.get(job.jobId);
  }

  /** @param {any} event */
  apply(event) {
    const job = this.known.get(event.jobId);
    const wasRunning = job.status;
    job.status = event.status;
    job.stage = event.stage;
    // A replay begins at the first event: the bar of one try never runs backwards.
    job.progress = event.progress;
    if (event.error !== undefined) job.error = event.error;
    if (!isLive(job)) return this.finish(job);
    if (wasRunning !== job.status && job.status === "running") announce(`${operation(job.operation).title} is running`);
    this.tell("changed", job);
  }

  async finish(job) {
    balance.refresh();
    // The event says that it ended; the outputs and the cost are read from the job.
    try {
      Object.assign(job, await get(`/v1/jobs/${job.jobId}`));
    } catch (error) {
      toast(error.message, { kind: "bad" });
    }
    announce(`${operation(job.operation).title}: ${STATUS[job.status]}`);
    this.tell("changed", job);
  }

  /** Send a job once, however often the network makes us ask. Raises Problem on a refusal. */
  async send(body) {
    const job = this.put(await create("/v1/jobs", body));
    this.tell("added", job);
    balance.refresh();
    return job;
  }

  async cancel(job) {
    try {
      const answer = await post(`/v1/jobs/${job.jobId}/cancel`, {});
      toast(CANCELED[answer.effect] ?? "Asked to stop.");
    } catch (error) {
      toast(error.message, { kind: "bad" });
    }
  }

  async retry(job) {
    try {
      const next = this.put(await create(`/v1/jobs/${job.jobId}/retry`, {}));
      this.tell("added", next);
      balance.refresh();
    } catch (error) {
      toast(error.message, { kind: "bad" });
    }
  }

  tell(type, job) {
    this.dispatchEvent(new CustomEvent(type, { detail: job }));
  }
}

export const jobs = new Jobs();
