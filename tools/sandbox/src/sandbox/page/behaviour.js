// The drawer: how the fakes behave, and what really reached the providers.

import { ask, byId, clock, el } from "./dom.js";

const MODES = {
  normal: "Normal",
  slow: "Slow: answers after the delay",
  rate_limited: "Too many requests (429)",
  error: "Error (500), not accepted",
  error_after_accepting: "Error (500), but accepted",
  close_after_accepting: "Accepts, then closes the connection",
  close_before_accepting: "Closes the connection, not accepted",
  invalid_number: "Refuses the number",
  unauthorized: "Refuses our credentials",
  error_after_doing: "Does it, then says error (500)",
  down: "Down: closes the connection",
};
const RECEIPTS = {
  automatic: "Receipts: sent, then delivered",
  none: "No receipts",
  failed: "Receipts: sent, then undelivered",
  duplicate: "Every receipt three times",
};
const ONLY = { "": "Everything", contacts: "Contacts only", notes: "Notes and replies only" };

export class BehaviourDrawer {
  constructor(world) {
    this.world = world;
    this.drawer = byId("behaviour");
    this.names = ["intercom", ...world.channels.map((one) => one.provider)];
    byId("open-behaviour").addEventListener("click", () => { this.drawer.showModal(); this.refresh(true); });
    byId("close-behaviour").addEventListener("click", () => this.drawer.close());
    this.drawer.addEventListener("click", (event) => event.target === this.drawer && this.drawer.close());
  }

  label(name) {
    return this.world.channels.find((one) => one.provider === name)?.provider_label ?? "Intercom";
  }

  async refresh(always = false) {
    const current = await Promise.all(this.names.map((name) => ask("GET", `/sandbox/behaviour/${name}`)));
    byId("badges").replaceChildren(...current.flatMap((behaviour, index) => this.badges(this.names[index], behaviour)));
    const editing = this.drawer.open && byId("behaviours").contains(document.activeElement);
    if (always || !editing) byId("behaviours").replaceChildren(...current.map((behaviour, index) => this.form(this.names[index], behaviour)));
    await this.drawLedger();
  }

  badges(name, behaviour) {
    const odd = [];
    if (behaviour.mode !== "normal") odd.push(behaviour.mode.replaceAll("_", " "));
    if (behaviour.receipts && behaviour.receipts !== "automatic") odd.push(`receipts ${behaviour.receipts}`);
    const times = behaviour.remaining ? ` ×${behaviour.remaining}` : "";
    return odd.length ? [el("span", { class: "badge" }, `${this.label(name)}: ${odd.join(", ")}${times}`)] : [];
  }

  form(name, behaviour) {
    const modes = name === "intercom" ? this.world.intercom_modes : this.world.provider_modes;
    const form = el("form", { class: "behaviour" },
      el("h3", {}, this.label(name)),
      choice("mode", "Answers", modes.map((mode) => [mode, MODES[mode] ?? mode]), behaviour.mode),
      number("delay_seconds", "Delay, seconds", behaviour.delay_seconds, "any"),
      number("remaining", "How many times", behaviour.remaining ?? "", "1", "until changed"),
      name === "intercom"
        ? choice("only", "Concerns", Object.entries(ONLY), behaviour.only ?? "")
        : [text("retry_after", "Retry-After (429)", behaviour.retry_after ?? "", "not sent"),
          choice("receipts", "Reports", this.world.receipt_modes.map((mode) => [mode, RECEIPTS[mode] ?? mode]), behaviour.receipts)],
      el("p", { class: "form-error", role: "alert" }));
    form.addEventListener("change", () => this.apply(name, form));
    form.addEventListener("submit", (event) => { event.preventDefault(); this.apply(name, form); });
    return form;
  }

  async apply(name, form) {
    const given = Object.fromEntries(new FormData(form));
    const body = { ...given, delay_seconds: Number(given.delay_seconds || 0), remaining: given.remaining ? Number(given.remaining) : null };
    if ("only" in given) body.only = given.only || null;
    if ("retry_after" in given) body.retry_after = given.retry_after || null;
    const problem = form.querySelector(".form-error");
    problem.textContent = "";
    await ask("PUT", `/sandbox/behaviour/${name}`, body).catch((error) => { problem.textContent = error.message; });
  }

  async drawLedger() {
    if (!this.drawer.open) return;
    const { submissions } = await ask("GET", "/sandbox/ledger");
    const rows = submissions.slice(-30).reverse().map((row) => this.ledgerRow(row));
    byId("ledger").replaceChildren(...(rows.length ? rows : [el("p", { class: "muted" }, "Nothing yet.")]));
  }

  ledgerRow(row) {
    const send = (status, error_code = null) => () =>
      ask("POST", `/sandbox/${row.provider}/messages/${row.provider_message_id}/receipt`, { status, error_code }).catch(() => {});
    return el("div", { class: `submission ${row.accepted ? "" : "refused"}` },
      el("span", {}, `${clock(row.at)} · ${row.to || "no number"}`),
      el("span", { class: "muted" }, `${row.accepted ? "accepted" : "not accepted"}, ${row.answer_status ? `answered ${row.answer_status}` : "no answer"} · ${row.status}`),
      row.accepted
        ? el("span", { class: "receipts" }, "Send receipt: ",
          ...[["delivered"], ["undelivered", 30003], ["sent"]].map(([status, code]) =>
            el("button", { type: "button", class: "tool small", on: { click: send(status, code) } }, status)))
        : null);
  }
}

function field(label, control) {
  return el("label", {}, el("span", {}, label), control);
}

const choice = (name, label, options, value) =>
  field(label, el("select", { name }, options.map(([id, words]) => el("option", { value: id, selected: id === value }, words))));
const number = (name, label, value, step, placeholder) =>
  field(label, el("input", { name, type: "number", min: step === "any" ? "0" : "1", step, value: String(value), placeholder }));
const text = (name, label, value, placeholder) => field(label, el("input", { name, value, placeholder, autocomplete: "off" }));
