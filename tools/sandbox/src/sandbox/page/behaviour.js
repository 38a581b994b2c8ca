// The drawer: how each fake behaves, and what really reached it.

import { arrowKeys, ask, byId, channelIcon, clock, el } from "./dom.js";

const MODES = {
  normal: ["Normal", "Takes the message"],
  slow: ["Slow", "Answers after the delay"],
  slow_after_doing: ["Slow after doing it", "Does it, answers after the delay"],
  rate_limited: ["Too many requests", "429, not accepted"],
  invalid_number: ["Refuses the number", "Not accepted"],
  unauthorized: ["Refuses our credentials", "401, not accepted"],
  window_closed: ["Window closed", "Accepts, then 131047: over 24 h since a reply"],
  error: ["Fails", "500, not accepted"],
  error_after_accepting: ["Fails after accepting", "500, but it was sent"],
  close_before_accepting: ["Hangs up", "No answer, not accepted"],
  close_after_accepting: ["Loses the answer", "No answer, but it was sent"],
  error_after_doing: ["Fails after doing it", "500, but it was done"],
  down: ["Down", "Closes the connection"],
};
const INTERCOM = { normal: "Answers", rate_limited: "429 until the delay is over", error: "500, nothing done" };
const RECEIPTS = {
  automatic: ["As usual", ""],
  none: ["None", "It stays silent"],
  failed: ["Failed", "Sent, then not delivered"],
  duplicate: ["Duplicate", "Each one three times"],
  late: ["Late", "8 s later than usual"],
};
const ONLY = {
  "": ["Everything", "The whole API"],
  contacts: ["Contacts", "Only what is under /contacts"],
  notes: ["Notes", "Only replies and notes"],
  messages: ["New conversations", "Only what opens them"],
};
const DEFAULT_DELAY_SECONDS = 6;

export class BehaviourDrawer {
  constructor(world) {
    this.world = world;
    this.drawer = byId("behaviour");
    this.names = [...world.channels.map((one) => one.provider), "intercom"];
    this.chosen = this.names[0];
    this.current = {};
    this.asked = 0;
    this.answered = 0;
    byId("open-behaviour").addEventListener("click", () => this.show(this.chosen));
    byId("close-behaviour").addEventListener("click", () => this.drawer.close());
    this.drawer.addEventListener("click", (event) => event.target === this.drawer && this.drawer.close());
    byId("drawer-tabs").replaceChildren(...this.names.map((name) => this.tab(name)));
    arrowKeys(byId("drawer-tabs"), () => [...byId("drawer-tabs").children], (tab) => tab.click());
  }

  channel(name) {
    return this.world.channels.find((one) => one.provider === name);
  }

  label(name) {
    return this.channel(name)?.provider_label ?? "Intercom";
  }

  show(name) {
    this.pick(name);
    if (!this.drawer.open) this.drawer.showModal();
    byId(`drawer-${name}`).focus({ preventScroll: true });
    this.refresh(true);
  }

  tab(name) {
    const channel = this.channel(name);
    return el("button", { type: "button", role: "tab", id: `drawer-${name}`, "data-name": name, "aria-controls": "behaviours",
      on: { click: () => { this.pick(name); this.refresh(true); } } },
    channel ? channelIcon(channel.channel, 16) : el("span", { class: "intercom-icon", "aria-hidden": "true" }, "I"),
    this.label(name), el("span", { class: "odd", hidden: true, title: "not as usual" }));
  }

  pick(name) {
    this.chosen = name;
    for (const tab of byId("drawer-tabs").children) {
      tab.setAttribute("aria-selected", String(tab.dataset.name === name));
      tab.tabIndex = tab.dataset.name === name ? 0 : -1;
    }
    byId("behaviours").setAttribute("aria-labelledby", `drawer-${name}`);
    byId("ledger-frame").hidden = name === "intercom";
    this.drawer.scrollTop = 0;
  }

  async refresh(always = false) {
    const answered = this.answered;
    const found = await Promise.all(this.names.map((name) => ask("GET", `/sandbox/behaviour/${name}`)));
    if (this.asked !== answered) return; // It may be from before a change that is on its way; apply() looks again.
    this.current = Object.fromEntries(this.names.map((name, index) => [name, found[index]]));
    byId("badges").replaceChildren(...this.names.flatMap((name) => this.badges(name)));
    for (const tab of byId("drawer-tabs").children) tab.querySelector(".odd").hidden = this.odd(tab.dataset.name).length === 0;
    const typing = this.drawer.open && byId("behaviours").contains(document.activeElement);
    if (always || !typing) byId("behaviours").replaceChildren(this.form(this.chosen, this.current[this.chosen]));
    else this.settle(byId("behaviours").querySelector("form"), this.current[this.chosen]);
    await this.drawLedger();
  }

  odd(name) {
    const { mode, receipts } = this.current[name];
    const odd = mode === "normal" ? [] : [MODES[mode]?.[0].toLowerCase() ?? mode];
    return receipts && receipts !== "automatic" ? [...odd, `receipts ${RECEIPTS[receipts]?.[0].toLowerCase() ?? receipts}`] : odd;
  }

  badges(name) {
    const odd = this.odd(name);
    const times = this.current[name].remaining ? ` ×${this.current[name].remaining}` : "";
    return odd.length
      ? [el("button", { type: "button", class: "badge", title: "Change it", on: { click: () => this.show(name) } }, el("b", {}, this.label(name)), ` ${odd.join(", ")}${times}`)]
      : [];
  }

  form(name, behaviour) {
    const intercom = name === "intercom";
    const known = new Set(intercom ? this.world.intercom_modes : this.channel(name).modes);
    const modes = Object.entries(MODES).filter(([mode]) => known.has(mode))
      .map(([mode, [title, told]]) => [mode, title, (intercom && INTERCOM[mode]) || told]);
    const usual = this.channel(name)?.receipts.filter((one) => one.error_code === null).map((one) => one.status).join(", then ");
    const receipts = this.world.receipt_modes.map((mode) => [mode, RECEIPTS[mode]?.[0] ?? mode, mode === "automatic" ? sentence(usual) : RECEIPTS[mode]?.[1]]);
    const form = el("form", { class: "behaviour" },
      choices("mode", intercom ? "How its API answers" : "How it answers", modes, behaviour.mode),
      el("div", { class: "details" },
        number("delay_seconds", "Delay, seconds", behaviour.delay_seconds, "any"),
        number("remaining", "How many requests", behaviour.remaining ?? "", "1", "until changed"),
        intercom ? null : text("retry_after", "Retry-After", behaviour.retry_after ?? "", "not sent")),
      intercom
        ? choices("only", "Which of its answers", Object.entries(ONLY).map(([id, words]) => [id, ...words]), behaviour.only ?? "")
        : choices("receipts", "What it reports", receipts, behaviour.receipts),
      el("p", { class: "form-error", role: "alert" }));
    form.addEventListener("change", (event) => this.apply(name, form, event.target));
    form.addEventListener("submit", (event) => { event.preventDefault(); this.apply(name, form); });
    this.settle(form, behaviour);
    return form;
  }

  // What a running behaviour counts down is shown without drawing the form anew under somebody's hands.
  settle(form, behaviour) {
    for (const radio of form.querySelectorAll("input[type=radio]")) radio.checked = radio.value === String(behaviour[radio.name] ?? "");
    const remaining = form.elements.remaining;
    if (remaining !== document.activeElement) remaining.value = behaviour.remaining ?? "";
    form.dataset.mode = behaviour.mode;
  }

  async apply(name, form, changed) {
    const given = Object.fromEntries(new FormData(form));
    if (changed?.name === "mode" && given.mode.startsWith("slow") && !Number(given.delay_seconds)) {
      given.delay_seconds = DEFAULT_DELAY_SECONDS;
      form.elements.delay_seconds.value = DEFAULT_DELAY_SECONDS;
    }
    const body = { ...given, delay_seconds: Number(given.delay_seconds || 0), remaining: given.remaining ? Number(given.remaining) : null };
    if ("only" in given) body.only = given.only || null;
    if ("retry_after" in given) body.retry_after = given.retry_after || null;
    form.dataset.mode = given.mode;
    const problem = form.querySelector(".form-error");
    problem.textContent = "";
    this.asked += 1;
    const refused = await ask("PUT", `/sandbox/behaviour/${name}`, body).then(() => null, (error) => error.message);
    this.answered += 1;
    if (refused) problem.textContent = refused;
    else await this.refresh();
  }

  async drawLedger() {
    if (!this.drawer.open || this.chosen === "intercom") return;
    const name = this.chosen;
    const { submissions } = await ask("GET", `/sandbox/ledger?provider=${name}`);
    if (name !== this.chosen) return;
    const rows = submissions.slice(-20).reverse().map((row) => this.ledgerRow(row));
    byId("ledger").replaceChildren(...(rows.length ? rows : [el("p", { class: "muted" }, "Nothing yet.")]));
  }

  ledgerRow(row) {
    const send = (status, error_code) => () =>
      ask("POST", `/sandbox/${row.provider}/messages/${encodeURIComponent(row.provider_message_id)}/receipt`, { status, error_code }).catch(() => {});
    const answered = row.answer_status ? `answered ${row.answer_status}` : "no answer";
    return el("div", { class: `submission ${row.accepted ? "" : "refused"}` },
      el("span", { class: "first" }, el("b", {}, row.to || "no number"), el("time", {}, clock(row.at))),
      el("span", { class: "excerpt", dir: "auto" }, row.text),
      el("span", { class: "muted" }, `${row.accepted ? "accepted" : "not accepted"}, ${answered}`,
        row.accepted ? ` · ${row.status}` : "", row.error_code ? ` · ${row.error_code}` : ""),
      row.accepted
        ? el("span", { class: "receipts" }, "Report ",
          ...this.channel(row.provider).receipts.map(({ status, error_code }) =>
            el("button", { type: "button", class: "tool small", on: { click: send(status, error_code) } }, status)))
        : null);
  }
}

function choices(name, legend, options, value) {
  return el("fieldset", { class: `choices of-${name}` }, el("legend", {}, legend),
    options.map(([id, title, told]) => el("label", {},
      el("input", { type: "radio", name, value: id, checked: id === value }),
      el("span", {}, el("b", {}, title), told ? el("small", {}, told) : null))));
}

const sentence = (words) => words && words[0].toUpperCase() + words.slice(1);
const field = (label, control) => el("label", { class: `field of-${control.name}` }, el("span", {}, label), control);
const number = (name, label, value, step, placeholder) =>
  field(label, el("input", { name, type: "number", min: step === "any" ? "0" : "1", step, value: String(value), placeholder }));
const text = (name, label, value, placeholder) => field(label, el("input", { name, value, placeholder, autocomplete: "off" }));
