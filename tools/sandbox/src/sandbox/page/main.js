// Starts the page and keeps it up to date: every change arrives as a server-sent event.

import { ask, byId, conversationOf, el, useTimeZone } from "./dom.js";
import { BehaviourDrawer } from "./behaviour.js";
import { Inbox } from "./inbox.js";
import { Log } from "./log.js";
import { Panel } from "./panel.js";
import { Phone } from "./phone.js";

const GATHER_MILLISECONDS = 60;

const world = await ask("GET", "/sandbox/world");
useTimeZone(world.time_zone);
const teammate = byId("teammate");
byId("workspace").textContent = world.workspace_id;
teammate.replaceChildren(...world.admins.map((admin) => el("option", { value: admin.id }, admin.name)));

const log = new Log({ intercom: "Intercom", panel: "Panel", ...Object.fromEntries(world.channels.map((one) => [one.provider, one.provider_label])) });
const drawer = new BehaviourDrawer(world);
const phone = new Phone(world.channels, { onSent: () => phone.refresh(), onBehaviour: (provider) => drawer.show(provider), onArrival: markPhone });
const panel = new Panel(() => ({ conversation_id: inbox.chosen, admin_id: teammate.value }), openHere);
const inbox = new Inbox((conversation) => { phone.follow(conversation?.contact); panel.open(); });

teammate.addEventListener("change", () => panel.open());
byId("reset").addEventListener("click", async () => {
  if (window.confirm("Forget all conversations and messages of the sandbox?")) await ask("POST", "/sandbox/reset");
});

function openHere(address) {
  const id = conversationOf(address);
  if (!id || !inbox.rows.some((row) => row.id === id)) return false;
  inbox.choose(id);
  if (!byId("thread").checkVisibility()) showView("inbox");
  return true;
}
document.addEventListener("click", (event) => {
  const anchor = event.target.closest?.("a[href]");
  if (anchor && openHere(anchor.href)) event.preventDefault();
});

// Where there is no room for three panes, these say which are shown.
const views = [...byId("views").children];
for (const view of views) view.addEventListener("click", () => showView(view.dataset.show));

function showView(name) {
  document.body.dataset.view = name;
  for (const one of views) one.setAttribute("aria-pressed", String(one.dataset.show === name));
  views.find((one) => one.dataset.show === name).classList.remove("fresh");
  panel.measure();
}

function markPhone() {
  const view = views.find((one) => one.dataset.show === "phone");
  if (document.body.dataset.view !== "phone") view.classList.add("fresh");
}

const refreshers = {
  conversations: () => inbox.refresh(),
  phone: () => Promise.all([phone.refresh(), drawer.drawLedger()]),
  behaviour: () => drawer.refresh(),
  panel: () => {},
  bus: () => {},
  reset: async () => { inbox.forget(); phone.forget(); await everything(); },
};

async function everything() {
  await Promise.all([phone.refresh(), drawer.refresh(true)]);
  await inbox.refresh();
}

const waiting = new Set();
function later(topic) {
  if (waiting.size === 0) {
    setTimeout(() => {
      const topics = [...waiting];
      waiting.clear();
      for (const one of topics) refreshers[one]?.();
    }, GATHER_MILLISECONDS);
  }
  waiting.add(topic);
}

for (const line of world.lines) log.write(line);
log.busIs(world.bus);

const events = new EventSource("/sandbox/stream");
let connected = false;
events.addEventListener("open", () => {
  log.connection("live", "connected");
  if (connected) everything(); // it was away: something may have been missed
  connected = true;
});
events.addEventListener("error", () => log.connection("gone", "not connected, trying again"));
events.addEventListener("message", (event) => {
  const line = JSON.parse(event.data);
  log.write(line);
  later(line.topic);
});

await everything();
