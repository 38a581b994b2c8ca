// Starts the page and keeps it up to date: every change arrives as a server-sent event.

import { ask, byId, clock, el, exactClock, useTimeZone } from "./dom.js";
import { BehaviourDrawer } from "./behaviour.js";
import { Inbox } from "./inbox.js";
import { Panel } from "./panel.js";
import { Phone } from "./phone.js";

const MOST_LINES = 100;
const GATHER_MILLISECONDS = 60;

const world = await ask("GET", "/sandbox/world");
useTimeZone(world.time_zone);
const teammate = byId("teammate");
byId("workspace").textContent = world.workspace_id;
teammate.replaceChildren(...world.admins.map((admin) => el("option", { value: admin.id }, admin.name)));

const drawer = new BehaviourDrawer(world);
const phone = new Phone(world.channels, () => phone.refresh());
const panel = new Panel(() => ({ conversation_id: inbox.chosen, admin_id: teammate.value }));
const inbox = new Inbox((conversation) => { phone.follow(conversation?.contact); panel.open(); });

teammate.addEventListener("change", () => panel.open());
byId("reset").addEventListener("click", async () => {
  if (window.confirm("Forget all conversations and messages of the sandbox?")) await ask("POST", "/sandbox/reset");
});

const refreshers = {
  conversations: () => inbox.refresh(),
  phone: () => Promise.all([phone.refresh(), drawer.drawLedger()]),
  behaviour: () => drawer.refresh(),
  panel: () => {},
  reset: async () => { inbox.chosen = null; phone.messages = []; await everything(); },
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

function write(line) {
  byId("latest").textContent = `${clock(line.at)}  ${line.line}`;
  byId("lines").prepend(el("li", {}, el("time", {}, exactClock(line.at)), ` ${line.line}`));
  while (byId("lines").children.length > MOST_LINES) byId("lines").lastChild.remove();
}

for (const line of world.lines) write(line);

const events = new EventSource("/sandbox/stream");
let connected = false;
events.addEventListener("open", () => {
  byId("connection").className = "dot live";
  byId("connection").title = "connected";
  if (connected) everything(); // it was away: something may have been missed
  connected = true;
});
events.addEventListener("error", () => {
  byId("connection").className = "dot gone";
  byId("connection").title = "not connected, trying again";
});
events.addEventListener("message", (event) => {
  const line = JSON.parse(event.data);
  write(line);
  later(line.topic);
});

await everything();
