"use strict";
const $ = (id) => document.getElementById(id);
const hasControl = document.body.dataset.control === "on";
const COLOUR = {
  running: "good", held: "good", standby: "", starting: "busy", finishing: "busy", waiting: "", delayed: "warn", draining: "warn", stopping: "warn", cancelling: "warn",
  ended: "", over: "", failed: "bad", left_behind: "bad",
};
const SILENCE = 13000, KEPT = 150, ROWS = 300, LOGGED = 60;

let status = null, receivedAt = 0, heardAt = 0, lostAt = 0, ended = null, source = null, token = null, retry = null;
const units = new Map(), payloads = new Map(), flavours = new Map();

// Making and changing elements: only what differs is touched, so that nothing flickers and the focus stays.
function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}
function write(element, text) { if (element.textContent !== text) element.textContent = text; }
function dress(element, className) { if (element.className !== className) element.className = className; }
function show(element, is) { if (element.hidden === is) element.hidden = !is; }
function order(parent, elements) {
  let next = parent.firstChild;
  for (const element of elements) {
    if (element === next) next = next.nextSibling;
    else parent.insertBefore(element, next);
  }
  while (next) { const gone = next; next = next.nextSibling; gone.remove(); }
}
function sync(parent, map, list, key, create, update) {
  const present = new Set(), elements = [];
  for (const one of list) {
    const name = key(one);
    present.add(name);
    let row = map.get(name);
    if (!row) map.set(name, row = create(one));
    update(row, one);
    elements.push(row.element);
  }
  for (const name of map.keys()) if (!present.has(name)) map.delete(name);
  order(parent, elements);
}

// Times.
function span(seconds) {
  if (seconds < 0) seconds = 0;
  if (seconds < 10) return seconds.toFixed(1) + " s";
  const whole = Math.floor(seconds), minutes = Math.floor(whole / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  if (whole < 60) return whole + " s";
  const both = (large, small) => small.startsWith("0 ") ? large : large + " " + small;
  if (minutes < 60) return both(minutes + " min", whole % 60 + " s");
  if (hours < 24) return both(hours + " h", minutes % 60 + " min");
  return both(days + " d", hours % 24 + " h");
}
// How much older all is than when it was said. Nothing ages while the line is lost: it is shown as it was.
function aged() { return ((lostAt || performance.now()) - receivedAt) / 1000; }
function since(seconds) { return span(seconds + aged()); }
function plural(number, word) { return number.toLocaleString() + " " + word + (number === 1 ? "" : "s"); }
function word(state) { return state.replaceAll("_", " "); }

function draw() {
  if (!status) return;
  const isFirst = flavours.size === 0;
  write($("state"), word(status.state));
  dress($("state"), "pill " + (COLOUR[status.state] || ""));
  document.title = word(status.state) + " · " + location.host;
  tick();
  drawNotices();
  sync($("flavours"), flavours, status.flavours, (one) => one.name, makeFlavour, updateFlavour);
  if (isFirst) drawHistory();
  const wanted = $("find").value.trim().toLowerCase();
  const found = status.units.filter((unit) => unit.name.toLowerCase().includes(wanted));
  sync($("units"), units, found, (unit) => unit.name + "\u0000" + unit.kind, makeUnit, updateUnit);
  show($("nounits"), found.length === 0);
  drawSum();
  const listed = status.payloads.filter((one) => (one.name + " " + (one.group || "")).toLowerCase().includes(wanted));
  sync($("payloads"), payloads, listed.slice(0, ROWS), (one) => [one.name, one.group, one.flavour].join("\u0000"), makePayload, updatePayload);
  const hidden = listed.length - ROWS;
  write($("nopayloads"), hidden > 0 ? "and " + plural(hidden, "more name") : wanted ? "none found" : "none beside the services");
  show($("nopayloads"), listed.length === 0 || hidden > 0);
}

function drawSum() {
  const numbers = new Map();
  for (const unit of status.units) if (unit.kind === "service") numbers.set(unit.state, (numbers.get(unit.state) || 0) + 1);
  const sorted = Object.keys(COLOUR).filter((state) => numbers.has(state));
  $("sum").replaceChildren(...sorted.map((state) => make("span", "pill " + COLOUR[state], numbers.get(state) + " " + word(state))));
}

function cause(why) {
  if (typeof why === "object") {
    if (why.signal) return why.signal;
    if (why.failure) return why.failure;
  }
  return { call: "a call of shutdown", service: "a service that ends the runtime", idle: "it was idle", dropped: "its last handle was dropped" }[why] || String(why);
}

function meter(part) {
  const bar = make("div", "bar"), inner = make("i");
  inner.style.transform = "scaleX(" + Math.min(1, part) + ")";
  bar.append(inner);
  return bar;
}

function drawNotices() {
  const notices = [];
  if (status.drain) {
    const drain = status.drain, notice = make("div", "card notice warn");
    const left = Math.max(0, drain.left - aged()), all = drain.age + drain.left;
    notice.append(make("strong", "", "It drains: it gets nothing new, and goes on"));
    const isEndless = drain.left > 1e12;
    notice.append(make("p", "", isEndless ? "It stops when somebody ends that." : "It stops in " + span(left) + "."));
    if (!isEndless) notice.append(meter(left / all));
    notices.push(notice);
  }
  if (status.stop) {
    const stop = status.stop, notice = make("div", "card notice warn");
    notice.append(make("strong", "", "It stops: " + cause(stop.cause)));
    const left = Math.max(0, stop.grace_left - aged()), all = stop.age + stop.grace_left;
    const text = make("p", "", status.state === "over" ? "It is over." : left > 0 ? span(left) + " of the grace time are left." : "The grace time is over: what is left is dropped.");
    notice.append(text);
    if (status.state === "stopping" && all > 0) {
      notice.append(meter(left / all));
    }
    const others = stop.waits_for.filter((name) => name !== "admin");
    if (others.length) {
      notice.append(make("p", "why", "It waits for"));
      const chips = make("ul", "chips");
      chips.append(...others.map((name) => make("li", "", name)));
      if (stop.waits_for_more) chips.append(make("li", "", plural(stop.waits_for_more, "more")));
      notice.append(chips);
    }
    notices.push(notice);
  }
  for (const flavour of status.flavours) {
    const stall = flavour.stall;
    if (!stall) continue;
    const notice = make("div", "card notice " + (stall.is_whole ? "bad" : "warn"));
    notice.append(make("strong", "", stall.is_whole ? "Nothing has run on " + flavour.name + " for " + since(stall.age) : "Threads of " + flavour.name + " have been held up for " + since(stall.age)));
    notice.append(make("p", "", stall.payloads.length ? "by " + stall.payloads.join(", ") : "by something that its executor runs beside the payloads"));
    notice.append(...stall.threads.map((thread) => make("small", "", thread)));
    notices.push(notice);
  }
  $("notices").replaceChildren(...notices);
}

const SVG = "http://www.w3.org/2000/svg";
function makeFlavour(flavour) {
  const element = make("div", "card flavour"), count = make("div", "count"), number = make("span"), unit = make("small", "", " payloads");
  const facts = make("p"), svg = document.createElementNS(SVG, "svg");
  const area = document.createElementNS(SVG, "polygon"), line = document.createElementNS(SVG, "polyline");
  svg.setAttribute("viewBox", "0 0 " + (KEPT - 1) + " 20");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.append(area, line);
  count.append(number, unit);
  element.append(make("b", "", flavour.name), count, facts, svg);
  return { element, number, facts, area, line, history: [] };
}
function updateFlavour(row, flavour) {
  dress(row.element, "card flavour" + (flavour.stall ? " stalled" : ""));
  write(row.number, flavour.alive.toLocaleString());
  row.now = flavour.alive;
  const facts = [plural(flavour.threads, "thread")];
  if (flavour.queued) facts.push(flavour.queued.toLocaleString() + " queued");
  if (flavour.stall) facts.push(flavour.stall.is_whole ? "stalled" : "held up");
  write(row.facts, facts.join(" · "));
}
function drawHistory() {
  for (const row of flavours.values()) {
    row.history.push(row.now || 0);
    if (row.history.length === 1) row.history.push(row.now || 0);
    if (row.history.length > KEPT) row.history.shift();
    // The line fills its place from the beginning, and then moves on.
    const top = Math.max(1, ...row.history), step = (KEPT - 1) / Math.max(1, row.history.length - 1);
    const points = row.history.map((value, index) => (index * step).toFixed(2) + "," + (19 - 17 * value / top).toFixed(2));
    if (points.length < 2) continue;
    row.line.setAttribute("points", points.join(" "));
    row.area.setAttribute("points", "0,20 " + points.join(" ") + " " + (KEPT - 1) + ",20");
  }
}

function makeUnit() {
  const element = make("li"), row = make("div", "unit");
  const parts = {
    element, row, name: make("span", "name"), state: make("span", "state"), pill: make("span", "pill"), since: make("span", "since"),
    again: make("span", "again soft"), load: make("span", "load soft"), acts: make("span", "acts"), waits: make("p", "more"),
    failure: make("button", "failure"), label: make("span"), flavour: make("small"),
  };
  parts.name.append(parts.label, parts.flavour);
  parts.state.append(parts.pill);
  parts.failure.append(parts.text = make("span"));
  parts.failure.type = "button";
  parts.failure.setAttribute("aria-expanded", "false");
  parts.failure.addEventListener("click", () => {
    const is = parts.failure.getAttribute("aria-expanded") === "true";
    parts.failure.setAttribute("aria-expanded", String(!is));
  });
  row.append(parts.name, parts.state, parts.since, parts.again, parts.load, parts.acts, parts.waits, parts.failure);
  element.append(row);
  if (hasControl) {
    parts.stop = act("stop", () => parts.unit.name);
    parts.start = act("start", () => parts.unit.name);
    parts.restart = act("restart", () => parts.unit.name);
    parts.acts.append(parts.start, parts.restart, parts.stop);
  }
  return parts;
}
function updateUnit(parts, unit) {
  parts.unit = unit;
  const isOver = ["ended", "failed", "left_behind"].includes(unit.state), isService = unit.kind === "service";
  dress(parts.row, "unit" + (isService ? "" : " group") + (isOver ? " over" : ""));
  parts.row.style.setProperty("--depth", unit.depth);
  dress(parts.name, "name" + (unit.depth ? " inside" : ""));
  write(parts.label, unit.depth ? unit.name.slice(unit.name.lastIndexOf("/", unit.name.length - 2) + 1) : unit.name);
  parts.name.title = unit.name;
  write(parts.flavour, isService ? unit.flavour || "" : "group");
  write(parts.pill, word(unit.state));
  dress(parts.pill, "pill " + (COLOUR[unit.state] || ""));
  let again = "";
  if (unit.restarts) again = plural(unit.restarts, "restart");
  if (unit.counted) again += (again ? ", " : "") + unit.counted.starts + " of " + unit.counted.limit + " in " + span(unit.counted.window);
  write(parts.again, again);
  const load = [];
  if (unit.limit) load.push(unit.limit.taken.toLocaleString() + " of " + unit.limit.limit.toLocaleString() + " places" + (unit.limit.waiting ? ", " + unit.limit.waiting + " wait" : ""));
  else if (unit.payloads) load.push(plural(unit.payloads, "payload"));
  write(parts.load, load.join(""));
  const failure = unit.last_failure;
  show(parts.failure, Boolean(failure));
  // Whose it is stands above it.
  if (failure) write(parts.text, shorten(failure));
  dress(parts.failure, "failure" + (["failed", "delayed", "left_behind"].includes(unit.state) ? " now" : ""));
  if (hasControl) {
    // Who stops the admin from here could not start it again.
    show(parts.stop, isService && !isOver && unit.state !== "stopping" && unit.name !== "admin");
    show(parts.restart, isService && !isOver && unit.state !== "waiting");
    show(parts.start, isService && isOver);
  }
  ageUnit(parts);
}
// The cause first, and then the place.
function shorten(failure) {
  const found = /^(?:service|payload|group) `[^`]*` on \S+ (.+?) \(from (.+?)\): ([^]+)$/.exec(failure);
  return found ? found[3] + " (" + found[1] + ", from " + found[2] + ")" : failure;
}
function ageUnit(parts) {
  const unit = parts.unit;
  write(parts.since, since(unit.state_age));
  const waits = [];
  if (unit.next_start !== null && unit.next_start !== undefined) waits.push("starts again in " + span(unit.next_start - aged()));
  if (unit.waits_for.length) waits.push("waits for " + unit.waits_for.join(", "));
  if (unit.may_fail && unit.state === "failed") waits.push("its failures are its own");
  write(parts.waits, waits.join(" · "));
  show(parts.waits, waits.length > 0);
}

function makePayload() {
  const element = make("li", "payload"), name = make("span"), group = make("small"), what = make("span", "what");
  const parts = { element, name, group, of: make("span", "of soft"), oldest: make("span", "oldest right soft"), count: make("span", "right"), bar: make("i") };
  what.append(name, group);
  element.append(parts.bar, what, parts.of, parts.oldest, parts.count);
  return parts;
}
function updatePayload(parts, payload) {
  parts.payload = payload;
  write(parts.name, payload.name);
  write(parts.group, payload.group ? "in " + payload.group : "");
  write(parts.of, payload.flavour);
  write(parts.count, payload.count.toLocaleString());
  parts.bar.style.transform = "scaleX(" + payload.count / Math.max(1, status.payloads[0].count) + ")";
  agePayload(parts);
}
function agePayload(parts) {
  const oldest = parts.payload.oldest;
  write(parts.oldest, oldest === null || oldest === undefined ? "" : since(oldest));
}

function tick() {
  const isLost = ended === null && heardAt > 0 && (!source || source.readyState !== 1 || performance.now() - heardAt > SILENCE);
  if (isLost && !lostAt) lostAt = performance.now();
  const line = $("line");
  if (ended !== null) {
    dress(line, "line lost");
    write(line.lastChild, ended);
  } else if (isLost) {
    dress(line, "line lost");
    write(line.lastChild, "connection lost " + span((performance.now() - lostAt) / 1000) + " ago");
  } else {
    dress(line, heardAt ? "line live" : "line");
    write(line.lastChild, heardAt ? "live" : "connecting");
  }
  document.body.classList.toggle("stale", heardAt > 0 && (isLost || ended !== null));
  if (!status) return;
  const facts = ["up " + since(status.age)];
  if (!status.is_ready && !status.stop) facts.push("not ready");
  if (status.failures) facts.push(plural(status.failures, "failure"));
  write($("facts"), facts.join(" · "));
  for (const parts of units.values()) ageUnit(parts);
  for (const parts of payloads.values()) agePayload(parts);
}

function isLive() { return status !== null && ended === null && !lostAt; }

function log(change) {
  const item = make("li"), time = make("time", "", new Date().toLocaleTimeString([], { hour12: false })), text = make("div");
  text.append(make("b", "", change.unit), " ", make("span", "pill " + (COLOUR[change.state] || ""), word(change.state)));
  if (change.failure && ["failed", "delayed"].includes(change.state)) text.append(make("small", "", change.failure));
  item.append(time, text);
  $("log").prepend(item);
  while ($("log").childElementCount > LOGGED) $("log").lastChild.remove();
  show($("nolog"), false);
}

function hear() { heardAt = performance.now(); lostAt = 0; ended = null; }
function connect() {
  if (source) source.close();
  source = new EventSource("/events");
  source.addEventListener("status", (event) => { hear(); receivedAt = performance.now(); status = JSON.parse(event.data); draw(); });
  source.addEventListener("change", (event) => { hear(); log(JSON.parse(event.data)); });
  source.addEventListener("beat", () => { hear(); tick(); });
  source.addEventListener("end", (event) => {
    lostAt = performance.now();
    ended = JSON.parse(event.data);
    source.close();
    again();
    tick();
  });
  source.addEventListener("error", () => { if (source.readyState === 2) again(); tick(); });
}
// A browser that was refused, or told that it is over, does not try again by itself.
function again() { if (!retry) retry = setTimeout(() => { retry = null; connect(); }, 3000); }

// Control.
function act(verb, name) {
  const button = make("button", "act", verb);
  button.type = "button";
  button.addEventListener("click", () => {
    const path = name().split("/").map(encodeURIComponent).join("/");
    demand(verb + " " + name(), "/units/" + path + "/" + verb);
  });
  return button;
}
async function demand(what, path) {
  if (token === null && (token = await askForToken()) === null) return;
  try {
    const answer = await fetch(path, { method: "POST", headers: { Authorization: "Bearer " + token } });
    const text = (await answer.text()).trim();
    if (answer.status === 403) token = null;
    say(answer.ok ? what + ": asked" : what + ": " + text);
  } catch (error) {
    say(what + ": no answer");
  }
}
function askForToken() {
  const dialog = $("ask"), input = $("token");
  input.value = "";
  dialog.showModal();
  return new Promise((answer) => {
    const finish = (value) => { input.value = ""; dialog.close(); answer(value); };
    $("yes").onclick = () => { const value = input.value.trim(); if (value) finish(value); };
    $("no").onclick = () => finish(null);
    dialog.oncancel = () => answer(null);
    input.onkeydown = (event) => { if (event.key === "Enter") $("yes").onclick(); };
  });
}
let saying = null;
function say(text) {
  write($("said"), text);
  show($("said"), true);
  clearTimeout(saying);
  saying = setTimeout(() => show($("said"), false), 6000);
}

$("host").textContent = location.host;
show($("reload"), hasControl);
$("reload").addEventListener("click", () => demand("reload", "/reload"));
$("find").addEventListener("input", draw);
setInterval(() => { tick(); if (!isLive()) return; drawNotices(); drawHistory(); }, 1000);
connect();
