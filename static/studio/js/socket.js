// Live events of jobs: one WebSocket for the page, resumed by `seq`; polling while sockets fail.

import { get, organizationId, post } from "./api.js";

const OPEN_SECONDS = 8;
const POLL_SECONDS = 2;
const TRIES_BEFORE_POLLING = 3;
const LONGEST_WAIT_SECONDS = 20;
const TERMINAL = new Set(["succeeded", "failed", "canceled", "expired"]);

/** @typedef {{jobId: string, seq?: number, status: string, stage: string, progress: number}} JobEvent */

class LiveJobs {
  constructor() {
    /** @type {Map<string, {seq: number, tell: (event: JobEvent) => void}>} */
    this.watched = new Map();
    /** @type {WebSocket | null} */
    this.socket = null;
    this.isReady = false;
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
    if (this.isReady) this.subscribe(jobId);
    else this.connect();
    if (this.failures >= TRIES_BEFORE_POLLING) this.poll();
  }

  unwatch(jobId) {
    this.watched.delete(jobId);
    if (!this.watched.size) this.rest();
  }

  subscribe(jobId) {
    const { seq } = this.watched.get(jobId);
    this.socket.send(JSON.stringify({ type: "subscribe", channel: `job:${jobId}`, after: seq }));
  }

  async connect() {
    if (this.socket || !this.watched.size) return;
    clearTimeout(this.retryTimer);
    this.onState(this.failures ? "reconnecting" : "connecting");
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/ws`);
    this.socket = socket;
    const giveUp = setTimeout(() => socket.close(), OPEN_SECONDS * 1000);
    socket.onopen = async () => {
      clearTimeout(giveUp);
      // The cookie speaks for the personal organization; for another one the socket is opened with a ticket.
      if (organizationId()) {
        const ticket = await post("/v1/ws-tickets").catch(() => null);
        if (!ticket) return socket.close();
        socket.send(JSON.stringify({ type: "auth", ticket: ticket.ticket }));
      }
      if (socket.readyState !== WebSocket.OPEN) return;
      this.isReady = true;
      for (const jobId of this.watched.keys()) this.subscribe(jobId);
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
    this.isReady = false;
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
