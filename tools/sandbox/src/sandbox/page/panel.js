// The app's panel beside a conversation: asks for canvases, shows them, sends what was pressed.

import { ask, byId, el } from "./dom.js";
import { draw, values } from "./canvas.js";

const FIRST_CANVAS_PIXELS = 400;

export class Panel {
  constructor(context, openHere) {
    this.context = context; // () => ({conversation_id, admin_id})
    this.openHere = openHere; // (address) => whether it was shown on this page
    this.card = byId("canvas");
    this.canvas = null;
    this.running = 0;
    this.latest = 0;
    this.measure = () => {}; // tells about the canvas anew: how high it is shows only where there is room for it
    byId("reopen").addEventListener("click", () => this.open());
  }

  async open() {
    this.canvas = null;
    this.card.replaceChildren(el("p", { class: "ck-text ck-muted" }, "Opening…"));
    await this.call("initialize", this.context(), null, true);
  }

  // Intercom does not promise to swallow a second press while one is under way; neither does this page.
  async press(componentId, node) {
    const body = { ...this.context(), component_id: componentId, input_values: values(this.card), current_canvas: this.canvas };
    node?.classList.add("ck-pressed");
    await this.call("submit", body, componentId, false);
    node?.classList.remove("ck-pressed");
  }

  async call(what, body, componentId, first) {
    const turn = ++this.latest;
    const begun = performance.now();
    this.busy(+1);
    let answer;
    try {
      answer = await ask("POST", `/sandbox/panel/${what}`, body);
    } catch (error) {
      answer = { status: null, canvas: null, error: error.message };
    }
    this.busy(-1);
    if (turn !== this.latest) return; // an answer that somebody did not wait for
    if (answer.canvas) this.show(answer, componentId, first, performance.now() - begun);
    else this.fail(answer);
  }

  show({ canvas, problems = [] }, componentId, first, milliseconds) {
    const hadFocus = this.card.contains(document.activeElement) || document.activeElement === document.body;
    this.canvas = canvas;
    this.card.replaceChildren(...draw(canvas, (id, node) => this.press(id, node), this.openHere));
    this.card.scrollTop = 0;
    byId("canvas").parentElement.scrollTop = 0;
    if (componentId && hadFocus) this.restoreFocus(componentId);
    this.measure = () => byId("facts").replaceChildren(...this.facts(canvas, problems, first, milliseconds));
    this.measure();
  }

  // The same control where it is still there, else the card: the keyboard stays in the panel.
  restoreFocus(componentId) {
    const same = [...this.card.querySelectorAll("[data-component]")].find((node) => node.dataset.component === componentId);
    const control = same?.matches("button") ? same : (same?.querySelector("[aria-checked=true]") ?? same?.querySelector("button, input, textarea, select"));
    (control && !control.disabled ? control : this.card).focus({ preventScroll: true });
  }

  facts(canvas, problems, first, milliseconds) {
    const bytes = new TextEncoder().encode(JSON.stringify(canvas.content)).length;
    const height = Math.ceil(this.card.scrollHeight);
    const facts = [`${Math.round(milliseconds)} ms`, `${(bytes / 1024).toFixed(1)} KB`, height ? `${height} px high` : null].filter(Boolean);
    const warnings = [...problems];
    if (first && height > FIRST_CANVAS_PIXELS) warnings.push("a first canvas stays under 400 px");
    return [facts.join(" · "), ...warnings.map((text) => el("span", { class: "warning" }, ` · ${text}`))];
  }

  fail(answer) {
    this.card.replaceChildren(
      el("h3", { class: "ck-text ck-header" }, "Something went wrong"),
      el("p", { class: "ck-text ck-muted" }, "This is what a teammate sees in Intercom, without the reason:"),
      el("p", { class: "ck-text ck-error" }, answer.error ?? "no reason given"),
      el("div", { class: "ck-field" },
        el("button", { type: "button", class: "ck-button ck-secondary", on: { click: () => this.open() } }, "Try again")));
    this.measure = () => {};
    byId("facts").replaceChildren();
  }

  busy(step) {
    this.running += step;
    byId("progress").hidden = this.running === 0;
    this.card.setAttribute("aria-busy", String(this.running > 0));
  }
}
