// Draws a Canvas Kit canvas as Intercom's Inbox does: all twelve component types with their states.

import { el, link, markdown, webAddress } from "./dom.js";

const INLINE_ARROW = "→";
let openHere = () => false;

// draw(canvas, press) gives the nodes; press(componentId, node) is called for every submit action.
// An address is opened by open(address), which says whether it has shown it itself.
export function draw(canvas, press, open = () => false) {
  openHere = open;
  return (canvas?.content?.components ?? []).map((component) => {
    const build = COMPONENTS[component?.type];
    const node = build
      ? build(component, press)
      : el("p", { class: "ck-unknown" }, `Intercom knows no component "${component?.type}".`);
    if (component?.bottom_margin === "none") node.classList.add("ck-tight");
    if (component?.id !== undefined) node.dataset.component = component.id;
    return node;
  });
}

// What Intercom sends as input_values: strings by component id, option ids, arrays for checkboxes.
export function values(root) {
  const found = {};
  for (const field of root.querySelectorAll("[data-value-of]")) {
    const id = field.dataset.valueOf;
    if (field.dataset.kind === "checkbox") found[id] = checkedIds(field);
    else if (field.dataset.kind === "single-select") {
      const chosen = field.querySelector("[aria-checked=true]");
      if (chosen) found[id] = chosen.dataset.option;
    } else if (field.tagName !== "SELECT" || field.value !== "") found[id] = field.value;
  }
  return found;
}

const checkedIds = (field) => [...field.querySelectorAll("input:checked")].map((box) => box.value);

const COMPONENTS = {
  text(c) {
    const style = ["header", "paragraph", "muted", "error"].includes(c.style) ? c.style : "paragraph";
    const tag = style === "header" ? "h3" : "p";
    return el(tag, { class: `ck-text ck-${style} ${aligned(c)}`, dir: "auto" }, ...markdown(c.text));
  },

  "data-table"(c) {
    const rows = (c.items ?? []).map((item) =>
      el("div", { class: "ck-row" },
        el("dt", { title: item.field, dir: "auto" }, item.field),
        el("dd", { title: item.value, dir: "auto" }, ...markdown(item.value))));
    return el("dl", { class: "ck-table" }, rows);
  },

  image(c) {
    const source = webAddress(c.url);
    const image = el("img", { class: c.rounded ? "ck-round" : "", alt: "", width: Number(c.width), height: Number(c.height) });
    image.addEventListener("error", () => image.replaceWith(el("span", { class: "ck-no-image" }, "image could not be loaded")));
    if (source) image.src = source;
    const shown = c.action?.type === "url" ? link(c.action.url, image) : image;
    return el("div", { class: `ck-image ${aligned(c)}` }, shown);
  },

  divider: () => el("hr", { class: "ck-divider" }),

  spacer: (c) => el("div", { class: `ck-spacer ck-${["xs", "s", "m", "l", "xl"].includes(c.size) ? c.size : "s"}` }),

  button(c, press) {
    const style = ["primary", "secondary", "link"].includes(c.style) ? c.style : "primary";
    return el("div", { class: "ck-field" },
      el("button", { type: "button", class: `ck-button ck-${style}`, disabled: Boolean(c.disabled), ...acting(c, press) }, c.label,
        c.action?.type === "url" ? el("span", { class: "ck-out", "aria-hidden": "true" }, " ↗") : null));
  },

  input(c, press) {
    const input = el("input", { class: "ck-input", id: domId(c), value: c.value ?? "", placeholder: c.placeholder,
      disabled: blocked(c), autocomplete: "off", "data-value-of": c.id, "data-kind": "input" });
    const button = c.action
      ? el("button", { type: "button", class: "ck-inline", disabled: blocked(c), "aria-label": c.label ?? "Submit", ...acting(c, press) }, INLINE_ARROW)
      : null;
    if (button) input.addEventListener("keydown", (event) => event.key === "Enter" && button.click());
    return labelled(c, el("div", { class: "ck-with-button" }, input, button));
  },

  textarea(c) {
    const area = el("textarea", { class: "ck-input", id: domId(c), rows: 5, placeholder: c.placeholder,
      disabled: Boolean(c.disabled), "data-value-of": c.id, "data-kind": "textarea" });
    area.value = c.value ?? "";
    const field = labelled(c, area);
    if (c.error) field.classList.add("ck-failed");
    return field;
  },

  dropdown(c) {
    const chosen = c.value ?? "";
    const options = (c.options ?? []).map((option) =>
      el("option", { value: option.id, selected: option.id === chosen, disabled: Boolean(option.disabled) }, option.text));
    const none = el("option", { value: "", selected: chosen === "", hidden: true }, "Select…");
    return labelled(c, el("select", { class: "ck-input", id: domId(c), disabled: blocked(c), "data-value-of": c.id, "data-kind": "dropdown" }, none, options));
  },

  "single-select"(c, press) {
    const group = el("div", { class: "ck-single", role: "radiogroup", "aria-label": c.label, "data-value-of": c.id, "data-kind": "single-select" });
    const choose = (button) => {
      for (const one of group.children) one.setAttribute("aria-checked", String(one === button));
      for (const one of group.children) one.tabIndex = one === button ? 0 : -1;
    };
    const options = (c.options ?? []).map((option) => {
      const button = el("button", { type: "button", class: "ck-choice", role: "radio", "aria-checked": String(option.id === c.value),
        disabled: blocked(c) || Boolean(option.disabled), "data-option": option.id }, option.text);
      button.addEventListener("click", () => { choose(button); if (c.action) act(c.action, c.id, press, button); });
      return button;
    });
    group.append(...options);
    const current = options.find((one) => one.getAttribute("aria-checked") === "true") ?? options[0];
    for (const one of options) one.tabIndex = one === current ? 0 : -1;
    group.addEventListener("keydown", (event) => moveFocus(event, options.filter((one) => !one.disabled)));
    return labelled(c, group, false);
  },

  checkbox(c) {
    // Intercom's reference says "option", its tutorial "options".
    const options = c.option ?? c.options ?? [];
    const boxes = options.map((option) =>
      el("label", { class: "ck-check" },
        el("input", { type: "checkbox", value: option.id, checked: (c.value ?? []).includes(option.id), disabled: blocked(c) || Boolean(option.disabled) }),
        el("span", {}, option.text)));
    return labelled(c, el("div", { class: "ck-checks", role: "group", "aria-label": c.label, "data-value-of": c.id, "data-kind": "checkbox" }, boxes), false);
  },

  list(c, press) {
    return el("ul", { class: "ck-list" }, (c.items ?? []).map((item) => el("li", {}, listRow(item, Boolean(c.disabled), press))));
  },
};

function listRow(item, disabled, press) {
  const picture = item.image && webAddress(item.image)
    ? el("img", { src: webAddress(item.image), alt: "", class: item.rounded_image ? "ck-round" : "", width: Number(item.image_width), height: Number(item.image_height) })
    : null;
  const words = el("span", { class: "ck-words" },
    el("span", { class: "ck-title" }, item.title),
    item.subtitle ? el("span", { class: "ck-sub" }, item.subtitle) : null,
    item.tertiary_text ? el("span", { class: "ck-third" }, item.tertiary_text) : null);
  const off = disabled || Boolean(item.disabled);
  if (!item.action) return el("div", { class: "ck-item", "aria-disabled": off ? "true" : null, "data-component": item.id }, picture, words);
  return el("button", { type: "button", class: "ck-item ck-action", disabled: off, "data-component": item.id, ...acting(item, press) },
    picture, words, el("span", { class: "ck-chevron", "aria-hidden": "true" }, item.action.type === "url" ? "↗" : "›"));
}

const aligned = (c) => `ck-${["center", "right", "full_width"].includes(c.align) ? c.align : "left"}`;
const blocked = (c) => Boolean(c.disabled) || c.save_state === "saved";
const domId = (c) => `canvas-${c.id}`;

function labelled(c, control, forInput = true) {
  const label = c.label ? el(forInput ? "label" : "span", { class: "ck-label", for: forInput ? domId(c) : null }, c.label) : null;
  const saved = c.save_state === "saved" ? el("span", { class: "ck-saved-mark", title: "saved" }, "✓") : null;
  const state = ["saved", "failed"].includes(c.save_state) ? ` ck-${c.save_state}` : "";
  return el("div", { class: `ck-field${state}` }, label, el("div", { class: "ck-control" }, control, saved));
}

const acting = (c, press) => ({ on: { click: (event) => act(c.action, c.id, press, event.currentTarget) } });

function act(action, id, press, node) {
  if (action?.type === "submit") press(id, node);
  else if (action?.type === "url" && webAddress(action.url) && !openHere(action.url)) window.open(webAddress(action.url), "_blank", "noopener");
}

function moveFocus(event, buttons) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step || !buttons.length) return;
  event.preventDefault();
  const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
  buttons[next].focus();
}
