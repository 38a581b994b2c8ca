// Building blocks of the page. Text from outside only ever becomes text nodes.

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (name === "class") node.className = value;
    else if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const byId = (id) => document.getElementById(id);

export function webAddress(text) {
  try {
    const url = new URL(String(text));
    return ["https:", "http:", "mailto:", "tel:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

// Intercom's own address of a conversation: shown in this Inbox instead of leaving for the real one.
const CONVERSATION = /^https:\/\/app\.(?:eu\.|au\.)?intercom\.com\/.*\/conversations?\/(\d+)\/?$/;
export const conversationOf = (address) => CONVERSATION.exec(String(address ?? ""))?.[1] ?? null;

export function link(href, ...children) {
  const safe = webAddress(href);
  return safe
    ? el("a", { href: safe, target: "_blank", rel: "noopener noreferrer" }, ...children)
    : el("span", { class: "bad-link", title: "not a web address" }, ...children);
}

// Canvas Kit texts know two marks only: [label](url) and **bold**.
export function markdown(text) {
  const nodes = [];
  const marks = /\[([^\]]+)\]\(([^)\s]+)\)|\*\*([^*]+(?:\*[^*]+)*)\*\*/g;
  let last = 0;
  for (const found of String(text ?? "").matchAll(marks)) {
    nodes.push(text.slice(last, found.index));
    nodes.push(found[3] !== undefined ? el("strong", {}, ...markdown(found[3])) : link(found[2], found[1]));
    last = found.index + found[0].length;
  }
  nodes.push(String(text ?? "").slice(last));
  return nodes.filter((node) => node !== "");
}

const KEPT_TAGS = new Set(["P", "BR", "B", "STRONG", "I", "EM", "UL", "OL", "LI", "H1", "H2", "CODE", "PRE", "BLOCKQUOTE"]);
const DROPPED_TAGS = new Set(["SCRIPT", "STYLE", "TEMPLATE", "IFRAME", "OBJECT", "NOSCRIPT"]);

// The HTML of a conversation part: an inert document is walked, and only known tags are built anew.
export function richText(html) {
  const inert = new DOMParser().parseFromString(String(html ?? ""), "text/html");
  return [...inert.body.childNodes].flatMap(kept);
}

function kept(node) {
  if (node.nodeType === Node.TEXT_NODE) return [node.textContent];
  if (node.nodeType !== Node.ELEMENT_NODE || DROPPED_TAGS.has(node.tagName)) return [];
  const children = [...node.childNodes].flatMap(kept);
  if (node.tagName === "A") return [link(node.getAttribute("href"), ...children)];
  return KEPT_TAGS.has(node.tagName) ? [el(node.tagName.toLowerCase(), {}, ...children)] : children;
}

export async function ask(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok && answer.status === undefined) throw new Error(answer.error ?? `${path} answered ${response.status}`);
  return answer;
}

// Times are the workspace's, as in the panel, whatever the browser's zone is.
let timeZone;
export const useTimeZone = (zone) => { timeZone = zone; };
export const clock = (when) => new Date(when).toLocaleTimeString("en-US", { hour: "numeric", minute: "2-digit", timeZone });
export const exactClock = (when) => new Date(when).toLocaleTimeString("en-US", { timeZone });
const day = (date) => date.toLocaleDateString("en-US", { day: "numeric", month: "short", timeZone });

export function when(unixSeconds) {
  const date = new Date(unixSeconds * 1000);
  return day(new Date()) === day(date) ? clock(date) : day(date);
}

export const initials = (name) =>
  (name ?? "").split(/\s+/).map((word) => /[\p{L}\p{N}]/u.exec(word)?.[0] ?? "").filter(Boolean).slice(0, 2).join("").toUpperCase() || "?";

// Keeps a scrolled list where the reader is, and at the end where the reader was at the end.
export function replaceScrolled(box, children, toEnd = false) {
  const atEnd = toEnd || box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  const top = box.scrollTop;
  box.replaceChildren(...children);
  box.scrollTop = atEnd ? box.scrollHeight : top;
}

// A box that shows its end still does when it gets smaller, as it does when the log is opened.
export function stayAtEnd(box) {
  let atEnd = true;
  box.addEventListener("scroll", () => { atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40; });
  new ResizeObserver(() => { if (atEnd) box.scrollTop = box.scrollHeight; }).observe(box);
}

// Arrow keys, Home and End move among `controls()`; `then` is told the one that has the focus now.
export function arrowKeys(box, controls, then = () => {}) {
  box.addEventListener("keydown", (event) => {
    const all = controls().filter((one) => !one.disabled);
    const at = all.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const next = event.key === "Home" ? 0 : event.key === "End" ? all.length - 1 : step ? at + step : -1;
    if (at < 0 || next < 0 || next >= all.length) return;
    event.preventDefault();
    all[next].focus();
    then(all[next]);
  });
}

// The same person has the same colour everywhere.
export const hue = (text) => `hue-${[...(text ?? "")].reduce((sum, character) => (sum * 31 + character.codePointAt(0)) % 997, 7) % 6}`;

export const channelIcon = (channel, size) => el("img", { src: `/page/channel-${channel}.svg`, alt: "", width: size, height: size, class: "channel-icon" });
