// The line at the bottom: every event as it passes on the bus, and what providers and Intercom do.

import { byId, channelIcon, clock, el, exactClock } from "./dom.js";

const MOST_LINES = 150;
const MOST_CHIPS = 7;
const BUS = {
  absent: "No broker was given: events on the bus are not shown.",
  connected: "Listening to the events of the app.",
  away: "The broker is not reachable. Trying again.",
};
const CHANNELS = { sms: "SMS", whatsapp: "WhatsApp", viber: "Viber" };
const BAD = new Set(["failed", "expired", "undelivered", "not_sent", "cancelled"]);
const UNSURE = new Set(["unknown", "waiting", "not_confirmed"]);
const GOOD = new Set(["delivered", "read"]);
const OF_TYPE = {
  SendFailed: "failed", SendExpired: "expired", SendCancelled: "cancelled", SendUnknown: "unknown", SendDeferred: "waiting",
};

export class Log {
  constructor(labels) {
    this.labels = labels; // a provider's name -> how it is called
    this.chips = [];
    const buttons = [...document.querySelectorAll("[data-lines]")];
    for (const button of buttons) {
      button.addEventListener("click", () => {
        byId("lines").dataset.only = button.dataset.lines;
        for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
      });
    }
  }

  busIs(state) {
    byId("bus-state").textContent = BUS[state] ?? "";
    byId("bus-state").dataset.bus = state;
    if (state === "away") this.latest("The bus is not reachable.");
  }

  connection(state, words) {
    byId("connection").className = `dot ${state}`;
    byId("connection").title = words;
  }

  write(line) {
    if (line.bus) this.busIs(line.bus);
    if (line.event) this.chip(line);
    else this.latest(`${clock(line.at)}  ${this.named(line.line)}`);
    byId("lines").prepend(this.row(line));
    while (byId("lines").children.length > MOST_LINES) byId("lines").lastChild.remove();
  }

  latest(text) {
    byId("latest").textContent = text;
  }

  // "twilio: receipt …" reads "Twilio: receipt …".
  named(text) {
    const [who, ...rest] = text.split(": ");
    return rest.length && this.labels[who] ? `${this.labels[who]}: ${rest.join(": ")}` : text;
  }

  row(line) {
    const [who, ...rest] = this.named(line.line).split(": ");
    const words = line.event
      ? this.words(line.event)
      : [el("b", { class: "who" }, rest.length ? who : "Sandbox"), el("span", { class: "what" }, rest.length ? rest.join(": ") : line.line)];
    return el("li", { class: line.event || line.bus ? "of-bus" : "of-fakes" }, el("time", {}, exactClock(line.at)), ...words);
  }

  words(event) {
    const change = [event.previous, event.status].filter(Boolean).join(" → ").replaceAll("_", " ");
    return [
      el("b", { class: `who event ${tone(event)}` }, event.type),
      el("span", { class: "what" },
        CHANNELS[event.channel] ? channelIcon(event.channel, 14) : null,
        [CHANNELS[event.channel], change, event.reason?.replaceAll("_", " ")].filter(Boolean).join(" · ")),
      event.message ? el("code", { title: "the end of the message's id" }, event.message) : null,
    ].filter(Boolean);
  }

  chip(line) {
    const { event } = line;
    const node = el("span", { class: `event-chip ${tone(event)}`, title: `${exactClock(line.at)} ${line.line}` },
      CHANNELS[event.channel] ? channelIcon(event.channel, 14) : null,
      event.type, event.status ? el("i", {}, event.status.replaceAll("_", " ")) : null);
    this.chips = [...this.chips, node].slice(-MOST_CHIPS);
    byId("trail").hidden = false;
    byId("trail").replaceChildren(...this.chips);
    byId("latest").classList.add("beside");
  }
}

function tone(event) {
  const status = event.status ?? OF_TYPE[event.type];
  if (event.type === "SendRequested") return "asked";
  if (BAD.has(status)) return "bad";
  if (UNSURE.has(status)) return "unsure";
  return GOOD.has(status) ? "good" : "";
}
