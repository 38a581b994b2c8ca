// The customer's phone: one tab per channel, incoming messages with ticks, a field to answer.

import { ask, byId, clock, el, replaceScrolled } from "./dom.js";

const TICKS = {
  queued: ["◷", "on its way"],
  sending: ["◷", "on its way"],
  sent: ["✓", "sent"],
  delivered: ["✓✓", "delivered"],
  read: ["✓✓", "read"],
  undelivered: ["!", "undelivered"],
  failed: ["!", "failed"],
};

const digits = (number) => (number ?? "").replace(/[^\d]/g, "");

export class Phone {
  constructor(channels, onSent) {
    this.channels = channels;
    this.channel = channels[0];
    this.messages = [];
    this.contact = null;
    this.number = null;
    this.shown = null;
    byId("number").addEventListener("change", (event) => { this.number = event.target.value; this.draw(); });
    byId("reply").addEventListener("submit", (event) => { event.preventDefault(); this.reply().then(onSent); });
    this.drawTabs();
  }

  // Another conversation was chosen: take up that person's phone.
  follow(contact) {
    this.contact = contact;
    this.number = contact?.phone ? `+${digits(contact.phone)}` : null;
    this.draw();
  }

  async refresh() {
    const known = new Set(this.messages.map((message) => message.provider_message_id));
    const first = this.messages.length === 0;
    this.messages = (await ask("GET", "/sandbox/phone")).messages;
    const arrived = this.messages.findLast((message) => message.direction === "to_customer" && !known.has(message.provider_message_id));
    // A message to another number than the contact's: show that phone, or it would look lost.
    if (arrived && !first) { this.number = arrived.customer; this.pick(arrived.channel); }
    this.draw();
  }

  pick(channel) {
    this.channel = this.channels.find((one) => one.channel === channel) ?? this.channel;
    this.drawTabs();
  }

  drawTabs() {
    byId("channels").replaceChildren(...this.channels.map((one) =>
      el("button", { type: "button", role: "tab", "aria-selected": String(one === this.channel),
        on: { click: () => { this.pick(one.channel); this.draw(); } } }, one.label)));
  }

  numbers() {
    const all = this.messages.filter((message) => message.channel === this.channel.channel).map((message) => message.customer);
    return [...new Set([this.number, ...all.reverse()].filter(Boolean))];
  }

  draw() {
    const numbers = this.numbers();
    if (!this.number && numbers.length) this.number = null;
    const mine = this.contact?.phone ? `+${digits(this.contact.phone)}` : null;
    byId("number").replaceChildren(
      ...(this.number ? [] : [el("option", { value: "", selected: true }, this.contact?.name ? `${this.contact.name}: no phone` : "No phone")]),
      ...numbers.map((number) => el("option", { value: number, selected: number === this.number },
        number === mine ? `${shortened(this.contact.name)} · ${number}` : number)));
    const shown = this.messages.filter((message) => message.channel === this.channel.channel && message.customer === this.number);
    replaceScrolled(byId("messages"), shown.length ? shown.map(bubble) : [this.emptiness()], this.shown !== this.number);
    this.shown = this.number;
    byId("reply-text").disabled = !this.number;
  }

  emptiness() {
    return el("p", { class: "nothing" }, this.number ? `No ${this.channel.label} yet.` : "This person has no phone number.");
  }

  async reply() {
    const field = byId("reply-text");
    const error = byId("reply-error");
    const text = field.value.trim();
    if (!text || !this.number) return;
    const partner = this.messages.findLast((message) => message.channel === this.channel.channel && message.customer === this.number);
    error.hidden = true;
    try {
      const answer = await ask("POST", "/sandbox/phone/reply", {
        channel: this.channel.channel, from: this.number, to: partner?.business ?? this.channel.senders[0], text });
      if (!answer.taken) throw new Error(`The reply was not taken: ${answer.answer_status ?? "nobody answered"}.`);
      field.value = "";
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
    }
  }
}

function bubble(message) {
  const outgoing = message.direction === "from_customer";
  const [tick, word] = TICKS[message.status] ?? ["", ""];
  return el("div", { class: `sms ${outgoing ? "out" : "in"}` },
    el("p", { dir: "auto" }, message.text),
    el("span", { class: `stamp ${message.status ?? ""}` }, clock(message.at), tick ? el("b", { title: word, "aria-label": word }, tick) : null,
      ["undelivered", "failed"].includes(message.status) ? ` ${word}` : null));
}

const shortened = (name) => ([...(name ?? "")].length > 18 ? [...name].slice(0, 17).join("") + "…" : name ?? "");
