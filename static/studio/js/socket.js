// Live events of jobs: one WebSocket for the page, resumed by `seq`; polling while sockets fail.

import { get, organizationId } from "./api.js";

const OPEN_SECONDS = 8;
const POLL_SECONDS = 2;
const TRIES_BEFORE_POLLING = 3;
const LONGEST_WAIT_SECONDS = 20;
// The server closes a socket that sends more than ten frames a second.
const FRAME_EVERY_MILLISECONDS = 130;
const TERMINAL = new Set(["succeeded", "failed", "canceled", "expired"]);

/** @typedef {{jobId: string, seq?: number, status: string, stage: string, progress: number}} JobEvent */

class LiveJobs {
  constructor() {
    /** @type {Map<string, {seq: number, tell: (event: JobEvent) => void}>} */
    this.watched = new Map();
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {object[]} frames that wait for their turn */
    this.outbox = [];
    this.frameTimer = 0;
    this.failures = 0;
    this.retryTimer = 0;
    this.pollTimer = 0;
    this.onState = (_state) => {};
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.hurry(); });
  }

  /** Tell of every event of a job after `seq`, until its final one. */
  watch(jobId, seq, tell) {
    this.watched.set(jobId, { seq, tell });
    if (this.socket) this.subscribe(jobId);
    else this.connect();
    if (this.failures >= TRIES_BEFORE_POLLING) this.poll();
  }

  unwatch(jobId) {
    this.watched.delete(jobId);
    this.put({ type: "unsubscribe", channel: `job:${jobId}` });
    if (!this.watched.size) this.rest();
  }

  subscribe(jobId) {
    this.put({ type: "subscribe", channel: `job:${jobId}`, after: this.watched.get(jobId).seq });
  }

  put(frame) {
    this.outbox.push(frame);
    if (!this.frameTimer) this.sendNext();
  }

  sendNext() {
    this.frameTimer = 0;
    if (this.socket?.readyState !== WebSocket.OPEN || !this.outbox.length) return;
    this.socket.send(JSON.stringify(this.outbox.shift()));
    this.frameTimer = setTimeout(() => this.sendNext(), FRAME_EVERY_MILLISECONDS);
  }

  connect() {
    if (this.socket || !this.watched.size) return;
    clearTimeout(this.retryTimer);
    this.onState(this.failures ? "reconnecting" : "connecting");
    const query = organizationId() ? `?organization=${organizationId()}` : "";
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/ws${query}`);
    this.socket = socket;
    this.outbox = [];
    for (const jobId of this.watched.keys()) this.subscribe(jobId);
    const giveUp = setTimeout(() => socket.close(), OPEN_SECONDS * 1000);
    socket.onopen = () => {
      clearTimeout(giveUp);
      this.sendNext();
    };
    socket.onmessage = (message) => this.receive(JSON.parse(message.data));
    socket.onclose = (event) => {
      clearTimeout(giveUp);
      if (this.socket === socket) this.lost(event.code);
    };
  }

  receive(frame) {
    if (frame.type === "subscribed") {
      this.failures = 0;
      clearInterval(this.pollTimer);
      this.pollTimer = 0;
      this.onState("live");
    }
    if (frame.jobId) this.deliver(frame);
  }

  deliver(event) {
    const entry = this.watched.get(event.jobId);
    // Replay and live may overlap: each number is told once, and never backwards.
    if (!entry || (event.seq !== undefined && event.seq <= entry.seq)) return;
    if (event.seq !== undefined) entry.seq = event.seq;
    if (TERMINAL.has(event.status)) this.unwatch(event.jobId);
    entry.tell(event);
  }

  lost(code) {
    this.socket = null;
    if (!this.watched.size) return;
    this.failures += 1;
    if (this.failures >= TRIES_BEFORE_POLLING || code === 4401 || code === 4403) this.poll();
    this.onState(this.pollTimer ? "polling" : "reconnecting");
    // A slow socket (4408) may come back at once; a crowd (4429) should wait.
    const base = code === 4429 ? 8 : code === 4408 ? 0.1 : 0.5;
    const seconds = Math.min(LONGEST_WAIT_SECONDS, base * 2 ** (this.failures - 1));
    this.retryTimer = setTimeout(() => this.connect(), seconds * 1000 * (0.5 + Math.random()));
  }

  /** The network or the person came back: do not wait out the back-off. */
  hurry() {
    if (!this.socket && this.watched.size) this.connect();
  }

  rest() {
    clearInterval(this.pollTimer);
    clearTimeout(this.retryTimer);
    this.pollTimer = 0;
    this.onState("idle");
  }

  poll() {
    if (this.pollTimer) return;
    this.pollTimer = setInterval(() => {
      for (const jobId of this.watched.keys()) {
        get(`/v1/jobs/${jobId}`).then((job) => this.deliver({ ...job, seq: undefined })).catch(() => {});
      }
    }, POLL_SECONDS * 1000);
  }
}

export const liveJobs = new LiveJobs();
