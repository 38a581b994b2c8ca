// The customer's phone: one tab per channel in its own look, messages with ticks, a field to answer.

import { arrowKeys, ask, byId, channelIcon, clock, el, initials, replaceScrolled, stayAtEnd } from "./dom.js";

const TICKS = {
  queued: ["clock", "On its way"],
  sending: ["clock", "On its way"],
  sent: ["one", "Sent"],
  delivered: ["two", "Delivered"],
  read: ["two", "Read"],
  undelivered: ["none", "Undelivered"],
  failed: ["none", "Failed"],
  rejected: ["none", "Rejected"],
  expired: ["none", "Expired"],
};
const SHAPES = {
  clock: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 5v3.2l2.2 1.3",
  one: "M3.5 8.5l3 3 6-7",
  two: "M1 8.5l3 3 6-7M7.2 11.3l.3.2 6-7",
  none: "M8 3v6M8 12.2v.1",
};
const LOOKS = {
  sms: { kind: "Text message", placeholder: "Text message" },
  whatsapp: { kind: "Business account", placeholder: "Message" },
  viber: { kind: "Business Messages", placeholder: "Type a message…" },
};

const digits = (number) => (number ?? "").replace(/[^\d]/g, "");

export class Phone {
  constructor(channels, { onSent, onBehaviour, onArrival }) {
    this.channels = channels;
    this.channel = channels[0];
    this.onArrival = onArrival;
    this.messages = [];
    this.seen = new Set();
    this.contact = null;
    this.number = null;
    this.shown = null;
    this.fetched = false;
    this.drafts = new Map();
    this.waiting = [];
    this.replying = false;
    byId("number").addEventListener("change", (event) => { this.number = event.target.value; this.draw(); });
    byId("elsewhere").addEventListener("click", () => this.show(this.elsewhere().at(-1)));
    byId("reply").addEventListener("submit", (event) => { event.preventDefault(); this.reply().then(onSent); });
    byId("open-channel-behaviour").addEventListener("click", () => onBehaviour(this.channel.provider));
    stayAtEnd(byId("messages"));
    byId("channels").replaceChildren(...channels.map((one) => this.tab(one)));
    arrowKeys(byId("channels"), () => [...byId("channels").children], (tab) => tab.click());
    this.pick(this.channel.channel);
  }

  forget() {
    this.messages = [];
    this.fetched = false;
    this.drafts.clear();
    this.waiting = [];
  }

  // Another conversation was chosen: take up that person's phone.
  follow(contact) {
    this.contact = contact;
    this.number = contact?.phone ? `+${digits(contact.phone)}` : null;
    this.draw();
  }

  async refresh() {
    const known = new Set(this.messages.map((message) => message.provider_message_id));
    this.messages = (await ask("GET", "/sandbox/phone")).messages;
    const arrived = this.messages.findLast((message) => message.direction === "to_customer" && !known.has(message.provider_message_id));
    if (arrived && this.fetched) this.arrive(arrived);
    if (!this.fetched) for (const message of this.messages) this.seen.add(message.provider_message_id);
    this.fetched = true;
    this.draw();
  }

  // A message to another number than the contact's: show that phone, or it would look lost. Where somebody is typing,
  // the phone stays, or the text would leave from another number.
  arrive(message) {
    if (byId("reply-text").value) this.waiting.push(message);
    else { this.number = message.customer; this.pick(message.channel); }
    this.onArrival();
  }

  show(message) {
    this.number = message.customer;
    this.pick(message.channel);
    this.draw();
    byId("reply-text").focus();
  }

  elsewhere() {
    this.waiting = this.waiting.filter((message) => !this.seen.has(message.provider_message_id));
    return this.waiting.filter((message) => message.customer !== this.number);
  }

  pick(channel) {
    this.channel = this.channels.find((one) => one.channel === channel) ?? this.channel;
    for (const tab of byId("channels").children) {
      const chosen = tab.dataset.channel === this.channel.channel;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    const look = LOOKS[this.channel.channel] ?? { kind: this.channel.label, placeholder: "Message" };
    byId("handset").dataset.channel = this.channel.channel;
    byId("chat").setAttribute("aria-labelledby", `tab-${this.channel.channel}`);
    byId("chat-kind").textContent = look.kind;
    byId("reply-text").placeholder = look.placeholder;
    byId("reply-error").hidden = true;
    for (const name of ["title", "aria-label"]) byId("open-channel-behaviour").setAttribute(name, `Behaviour of ${this.channel.provider_label}`);
  }

  tab(one) {
    return el("button", { type: "button", role: "tab", id: `tab-${one.channel}`, "data-channel": one.channel, "aria-controls": "chat",
      on: { click: () => { this.pick(one.channel); this.draw(); } } },
    channelIcon(one.channel, 20), one.label, el("span", { class: "count", hidden: true }));
  }

  numbers() {
    const all = this.messages.filter((message) => message.channel === this.channel.channel).map((message) => message.customer);
    return [...new Set([this.number, this.mine(), ...all.reverse()].filter(Boolean))];
  }

  mine() {
    return this.contact?.phone ? `+${digits(this.contact.phone)}` : null;
  }

  draw() {
    const numbers = this.numbers();
    const mine = this.mine();
    byId("number").replaceChildren(
      ...(this.number ? [] : [el("option", { value: "", selected: true }, this.contact?.name ? `${shortened(this.contact.name)}: no phone` : "No phone")]),
      ...numbers.map((number) => el("option", { value: number, selected: number === this.number },
        number === mine && this.contact.name ? `${number} · ${shortened(this.contact.name)}` : number)));
    const shown = this.here(this.channel.channel);
    for (const message of shown) this.seen.add(message.provider_message_id);
    const sender = shown.findLast((message) => message.business)?.business ?? this.channel.senders[0];
    byId("chat-sender").textContent = sender;
    byId("chat-avatar").replaceChildren(/^\+?\d+$/.test(sender) ? el("img", { src: "/page/person.svg", alt: "", width: 20, height: 20 }) : initials(sender));
    const place = `${this.number} ${this.channel.channel}`;
    replaceScrolled(byId("messages"), shown.length ? shown.map(bubble) : [this.emptiness()], this.shown !== place);
    this.changePlace(place);
    byId("reply-text").disabled = !this.number;
    byId("reply").querySelector("button").disabled = !this.number;
    this.count();
  }

  // What is typed stays with the number and the channel that it was typed for.
  changePlace(place) {
    if (this.shown === place) return;
    const field = byId("reply-text");
    if (this.shown) this.drafts.set(this.shown, field.value);
    field.value = this.drafts.get(place) ?? "";
    this.shown = place;
  }

  here(channel) {
    return this.messages.filter((message) => message.channel === channel && message.customer === this.number);
  }

  count() {
    for (const tab of byId("channels").children) {
      const unseen = this.here(tab.dataset.channel).filter((message) => !this.seen.has(message.provider_message_id)).length;
      const badge = tab.querySelector(".count");
      badge.hidden = unseen === 0;
      badge.textContent = unseen ? String(unseen) : "";
    }
    const others = this.elsewhere();
    byId("elsewhere").hidden = !others.length;
    byId("elsewhere").textContent = others.length ? `${others.length} new for ${others.at(-1).customer} · Show` : "";
  }

  emptiness() {
    return el("p", { class: "nothing" }, this.number ? `No ${this.channel.label} messages yet.` : "This person has no phone number.");
  }

  async reply() {
    const field = byId("reply-text");
    const error = byId("reply-error");
    const text = field.value.trim();
    if (!text || !this.number || this.replying) return;
    const partner = this.here(this.channel.channel).at(-1);
    const place = this.shown;
    this.replying = true;
    error.hidden = true;
    try {
      const answer = await ask("POST", "/sandbox/phone/reply", {
        channel: this.channel.channel, from: this.number, to: partner?.business ?? this.channel.senders[0], text });
      if (!answer.taken) throw new Error(`The reply was not taken: ${answer.answer_status ?? "nobody answered"}.`);
      if (this.drafts.get(place)?.trim() === text) this.drafts.delete(place);
      if (this.shown === place && field.value.trim() === text) field.value = "";
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
    } finally {
      this.replying = false;
    }
  }
}

function bubble(message) {
  const mine = message.direction === "from_customer";
  const [shape, word] = TICKS[message.status] ?? [null, null];
  return el("div", { class: `sms ${mine ? "out" : "in"}` },
    el("p", { dir: "auto" }, message.text),
    el("span", { class: `stamp ${message.status ?? ""}` }, clock(message.at),
      word ? el("span", { class: "tick", title: `What ${message.business} knows: ${word.toLowerCase()}` }, tick(shape), word) : null));
}

function tick(shape) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" })) svg.setAttribute(name, value);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[shape]);
  svg.append(path);
  return svg;
}

const shortened = (name) => ([...(name ?? "")].length > 18 ? [...name].slice(0, 17).join("") + "…" : name ?? "");
