"use strict";
// Text comes into the page by `textContent` alone: a directory's name may hold any character.
// What the chart may reach back, in seconds, with the names of its fifths; and how long an answer is waited for.
const REACHES = [[50, "−50 s −40 −30 −20 −10"], [150, "−150 s −120 −90 −60 −30"], [300, "−5 min −4 −3 −2 −1"]];
const PATIENCE = 5000;
// What each service is for, and what it has done of late.
const WORK = {
  walker: ["counts the files, on a thread of its own, as reading directories blocks", () => plural(last.walks, "walk") + ", the last took " + span(last.walk_seconds)],
  keeper: ["keeps the results and their history, on smol", () => plural(last.history.length, "entry", "entries") + " in its history"],
  server: ["answers over HTTP, on tokio", () => "this answer took " + span(took)],
  admin: ["shows the inside of the daemon, on a thread that needs no executor", () => ""],
};
let last = null, heardAt = 0, took = 0, trouble = null, pointed = null;

const $ = (id) => document.getElementById(id);
function write(element, text) { if (element.textContent !== text) element.textContent = text; }
function make(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}
function size(bytes) {
  const units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  if (Math.abs(bytes) < 1024) return Math.round(bytes) + " B";
  let unit = -1;
  do { bytes /= 1024; unit += 1; } while (Math.abs(bytes) >= 1023.5 && unit < units.length - 1);
  return bytes.toFixed(Math.abs(bytes) < 9.95 ? 2 : Math.abs(bytes) < 99.5 ? 1 : 0) + " " + units[unit];
}
const sign = (number) => (Math.round(number) > 0 ? "+" : Math.round(number) < 0 ? "−" : "");
const speed = (rate) => sign(rate) + size(Math.abs(rate)) + "/s";
function span(seconds) {
  if (seconds < 0.00095) return "under 1 ms";
  if (seconds < 0.995) return Math.round(seconds * 1000) + " ms";
  if (seconds < 9.95) return seconds.toFixed(1) + " s";
  if (seconds < 100) return Math.round(seconds) + " s";
  if (seconds < 6000) return Math.round(seconds / 60) + " min";
  return seconds < 172800 ? Math.round(seconds / 3600) + " h" : Math.round(seconds / 86400) + " days";
}
const plural = (count, word, words = word + "s") => count.toLocaleString("en") + " " + (count === 1 ? word : words);

function drawFigures() {
  const walked = last.walked_at !== null;
  document.title = size(last.bytes) + " · " + last.directory;
  write($("directory"), last.directory);
  write($("bytes"), walked ? size(last.bytes) : "–");
  write($("exact"), walked ? plural(last.bytes, "byte") : "the first walk is under way");
  write($("files"), walked ? last.files.toLocaleString("en") : "–");
  write($("mean"), last.files ? size(last.bytes / last.files) + " on average" : "");
  write($("rate"), last.walks > 1 ? speed(last.bytes_per_second) : "–");
  write($("walks"), last.walks.toLocaleString("en"));
  const ago = last.now - last.walked_at;
  write($("walked"), walked ? "took " + span(last.walk_seconds) + (ago > 2 ? ", " + span(ago) + " ago" : "") : "");
}

// Each step is the change from one entry of the history to the next; the chart is 300 wide and 100 high.
function steps(reach) {
  const found = [], x = (at) => Math.max(0, 300 * (1 - (last.now - at) / reach));
  for (let index = 1; index < last.history.length; index += 1) {
    const [from, before] = last.history[index - 1], [to, after] = last.history[index];
    found.push({ from: x(from), to: x(to), rate: (after - before) / (to - from), ago: last.now - to });
  }
  return found.filter((step) => step.to > 0);
}
function drawChart() {
  const [reach, names] = REACHES.find(([reach]) => last.now < reach) || REACHES[REACHES.length - 1];
  const all = steps(reach), rates = all.map((step) => step.rate), most = Math.max(0, ...rates), least = Math.min(0, ...rates);
  const height = most - least, y = (rate) => (height ? 4 + 92 * (most - rate) / height : 96).toFixed(2);
  // Closed along the zero line, once for what grows and once for what shrinks.
  const area = (part) => {
    const level = (step) => `L${step.from.toFixed(2)},${y(part(step.rate))} ${step.to.toFixed(2)},${y(part(step.rate))}`;
    return all.length ? `M${all[0].from},${y(0)} ${all.map(level).join(" ")} L${all[all.length - 1].to},${y(0)}z` : "";
  };
  $("up").setAttribute("d", area((rate) => Math.max(0, rate)));
  $("down").setAttribute("d", area((rate) => Math.min(0, rate)));
  $("zero").setAttribute("d", `M0,${y(0)} H300`);
  write($("most"), most > 0 ? speed(most) : "");
  // Near the zero line there is no room for it.
  write($("least"), -least > 0.2 * height ? speed(least) : "");
  write($("quiet"), height ? "" : all.length ? "nothing has changed" : "the history begins");
  names.split(" ").forEach((name, index) => write($("axis").children[index], name));
  const step = pointed === null ? undefined : all.find((one) => one.from <= pointed && pointed < one.to);
  $("cursor").setAttribute("d", step ? `M${pointed},0 V100` : "");
  write($("pointed"), step ? speed(step.rate) + ", " + span(step.ago) + " ago" : "");
}

function drawLargest() {
  const top = Math.max(1, ...last.largest.map((folder) => folder.bytes));
  $("largest").replaceChildren(...last.largest.map((folder) => {
    const row = make("li", ""), bar = make("div", ""), part = make("i", "");
    part.style.transform = `scaleX(${folder.bytes / top})`;
    bar.append(part);
    const name = make("span", "folder", folder.name || "(the directory itself)");
    row.append(name, make("small", "", plural(folder.files, "file")), make("b", "", size(folder.bytes)), bar);
    return row;
  }));
  if (!last.largest.length) $("largest").append(make("li", "", last.walks ? "no files" : "not known yet"));
}

const held = ({ name, stall }) => `${name} is held up for ${span(stall.age)} by ${stall.payloads.join(", ") || "something beside the services"}`;
function drawServices() {
  const { daemon, admin } = last;
  write($("daemon"), daemon.state + " · up " + span(daemon.age) + (daemon.failures ? " · " + plural(daemon.failures, "failure") : ""));
  const known = Object.keys(WORK), units = daemon.units.toSorted((one, other) => known.indexOf(one.name) - known.indexOf(other.name));
  $("services").replaceChildren(...units.map((unit) => {
    const flavour = daemon.flavours.find((one) => one.name === unit.flavour), stall = flavour && flavour.stall;
    const card = make("div", "card service"), head = make("div", "head");
    const state = stall && unit.state === "running" ? "stalled" : unit.state;
    head.append(make("h2", "", unit.name), make("small", "", unit.flavour || ""), make("span", "pill " + state, state.replace("_", " ")));
    const [task, done] = WORK[unit.name] || ["", () => ""];
    const facts = [unit.state.replace("_", " ") + " for " + span(unit.state_age), unit.restarts ? plural(unit.restarts, "restart") : "no restarts", done()];
    card.append(head, make("p", "", task), make("p", "facts", facts.filter(Boolean).join(" · ")));
    if (stall) card.append(make("p", "note", held(flavour)));
    if (unit.waits_for.length) card.append(make("p", "note", "waits for " + unit.waits_for.join(", ")));
    if (unit.last_failure) card.append(make("p", "note", unit.last_failure));
    return card;
  }));
  $("admin").hidden = $("or").hidden = !admin.url;
  if (admin.url) $("admin").href = admin.url;
  write($("attach"), admin.attach);
}

function drawLine() {
  const silent = (performance.now() - heardAt) / 1000, isLost = trouble !== null || silent > 2.5;
  const line = $("line");
  line.className = "line " + (isLost ? "lost" : last ? "live" : "");
  write(line.lastChild, isLost ? "no answer for " + span(Math.max(1, Math.round(silent))) : last ? "live" : "connecting");
  document.body.classList.toggle("stale", isLost);
  const stalls = last ? last.daemon.flavours.filter((flavour) => flavour.stall).map((flavour) => held(flavour) + ".") : [];
  const hangs = trouble || "The server does not answer: tokio may be held up, which the admin page tells.";
  write($("notice"), isLost ? hangs + " What you see is the last answer." : stalls.join(" "));
  $("notice").hidden = !isLost && !stalls.length;
}

async function ask() {
  const began = performance.now();
  try {
    const answer = await fetch("/stats.json", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    last = await answer.json();
    heardAt = performance.now();
    took = (heardAt - began) / 1000;
    trouble = null;
  } catch (error) {
    // Who hangs takes the connection and says nothing; who is gone refuses it.
    trouble = error.name === "TimeoutError" ? null : "The daemon is gone.";
  }
  setTimeout(ask, 1000);
  drawLine();
  if (trouble === null && last) for (const draw of [drawFigures, drawChart, drawLargest, drawServices]) draw();
}
$("chart").addEventListener("pointermove", (event) => {
  const place = $("chart").getBoundingClientRect();
  pointed = 300 * (event.clientX - place.left) / place.width;
  if (last) drawChart();
});
$("chart").addEventListener("pointerleave", () => { pointed = null; if (last) drawChart(); });
setInterval(drawLine, 500);
ask();
