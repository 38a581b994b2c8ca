// The Inbox: the list of conversations and the thread of the chosen one.

import { arrowKeys, ask, byId, el, hue, initials, replaceScrolled, richText, stayAtEnd, when } from "./dom.js";

export class Inbox {
  constructor(onChoose) {
    this.onChoose = onChoose;
    this.rows = [];
    this.chosen = null;
    this.seen = new Map();
    this.shown = null;
    this.fetched = false;
    stayAtEnd(byId("thread"));
    arrowKeys(byId("conversations"), () => [...byId("conversations").children]);
  }

  // "Start anew": what comes next is not news.
  forget() {
    this.chosen = null;
    this.seen.clear();
    this.fetched = false;
  }

  get current() {
    return this.rows.find((row) => row.id === this.chosen) ?? null;
  }

  async refresh() {
    const { conversations } = await ask("GET", "/sandbox/conversations");
    this.rows = conversations;
    if (!this.fetched) for (const row of conversations) this.seen.set(row.id, row.updated_at + row.parts);
    this.fetched = true;
    if (!this.current && conversations.length) {
      await this.choose(conversations[0].id);
      return;
    }
    this.drawList();
    await this.drawThread();
  }

  async choose(id) {
    this.chosen = id;
    this.drawList();
    this.onChoose(this.current);
    await this.drawThread();
  }

  drawList() {
    if (this.current) this.seen.set(this.chosen, this.current.updated_at + this.current.parts);
    const focused = document.activeElement?.dataset?.conversation;
    byId("conversations").replaceChildren(...this.rows.map((row) => this.row(row)));
    if (focused) byId("conversations").querySelector(`[data-conversation="${CSS.escape(focused)}"]`)?.focus();
  }

  row(row) {
    const fresh = this.seen.get(row.id) !== row.updated_at + row.parts;
    const state = !this.seen.has(row.id) ? " fresh new" : fresh ? " fresh" : "";
    return el("button", {
      type: "button", class: `conversation${state}`, "data-conversation": row.id,
      tabIndex: row.id === this.chosen ? 0 : -1, // one stop for Tab, the others by arrow keys
      "aria-current": row.id === this.chosen ? "true" : null, on: { click: () => this.choose(row.id) },
    },
    el("span", { class: `avatar ${hue(row.contact.name)}`, "aria-hidden": "true" }, initials(row.contact.name)),
    el("span", { class: "who", dir: "auto", title: row.contact.name }, row.contact.name ?? "No name"),
    el("time", {}, when(row.updated_at)),
    el("span", { class: "excerpt", dir: "auto" }, row.note ? el("b", {}, "Note") : "", row.excerpt));
  }

  async drawThread() {
    if (!this.chosen) return;
    const id = this.chosen;
    const conversation = await ask("GET", `/sandbox/conversations/${encodeURIComponent(id)}`);
    if (id !== this.chosen) return; // another one was chosen meanwhile
    const contact = this.current?.contact;
    byId("thread-head").replaceChildren(...[
      el("strong", { class: "name", dir: "auto", title: contact?.name }, contact?.name ?? "No name"),
      el("span", { class: "muted" }, contact?.role ?? ""),
      el("span", { class: "grow" }),
      this.current?.assignee ? el("span", { class: "pill", title: "assigned to" }, this.current.assignee) : null,
      el("span", { class: "muted small-caps", title: "conversation id" }, id)].filter(Boolean));
    const parts = conversation.conversation_parts.conversation_parts;
    const opening = { part_type: "comment", body: conversation.source.body, author: conversation.source.author, created_at: conversation.created_at };
    const begun = conversation.source.delivered_as === "admin_initiated"
      ? [el("p", { class: "happening" }, `${opening.author.name} opened this conversation · ${when(opening.created_at)}`)]
      : [];
    replaceScrolled(byId("thread"), [...begun, ...[opening, ...parts].map(bubble)], this.shown !== id);
    this.shown = id;
  }
}

function bubble(part) {
  const teammate = part.author.type === "admin";
  if (!["comment", "note", "quick_reply"].includes(part.part_type)) {
    const what = { assignment: "assigned the conversation", close: "closed it", open: "reopened it", snoozed: "snoozed it" }[part.part_type];
    return el("p", { class: "happening" }, `${part.author.name} ${what ?? part.part_type} · ${when(part.created_at)}`);
  }
  const note = part.part_type === "note";
  return el("article", { class: `bubble ${note ? "note" : teammate ? "teammate" : "customer"}` },
    el("div", { class: "byline" },
      el("span", { dir: "auto" }, part.author.name ?? "No name"),
      note ? el("span", { class: "tag" }, "Internal note") : null,
      el("time", {}, when(part.created_at))),
    el("div", { class: "body", dir: "auto" }, ...richText(part.body)));
}
