// Plays a stream with hls.js and shows, live, what the player and the caches do.

import { BarChart, LineChart } from "./chart.js";

const WINDOW = 60; // seconds of time that the charts show
const MOST_BARS = 40;
const MOST_ROWS = 500;
const TICK = 250; // milliseconds between looks at the buffer

const at = (id) => document.getElementById(id);
const video = at("video");
const charts = {
  buffer: new LineChart(at("buffer-chart")),
  rate: new LineChart(at("rate-chart")),
  segments: new BarChart(at("segment-chart")),
};

/** What happened in one session; also for a test to read. */
class Session {
  constructor() {
    this.began = performance.now();
    this.events = []; // [name, seconds, detail]
    this.buffer = [];
    this.chosen = [];
    this.measured = [];
    this.segments = [];
    this.startup = null;
    this.stalls = 0;
    this.stalledFor = 0;
    this.stalledSince = null;
  }

  now() {
    return (performance.now() - this.began) / 1000;
  }

  note(name, detail = null) {
    this.events.push([name, this.now(), detail]);
  }
}

let session = new Session();
let hls = null;
window.swarmbed = { get session() { return session; }, get hls() { return hls; } };

function say(text, failed = false) {
  at("status").textContent = text;
  at("status").classList.toggle("failed", failed);
}

function open(url) {
  hls?.destroy();
  session = new Session();
  at("segments").replaceChildren();
  at("level").replaceChildren(new Option("automatic", "-1"));
  if (!Hls.isSupported()) {
    say("This browser has no Media Source Extensions, so hls.js cannot play here.", true);
    return;
  }
  say(`Opening ${url}`);
  hls = new Hls({ enableWorker: true, maxBufferLength: 20, maxMaxBufferLength: 20 });
  listen(hls, session);
  hls.loadSource(url);
  hls.attachMedia(video);
}

function listen(hls, session) {
  const on = (event, act) => hls.on(event, (_, data) => act(data));
  on(Hls.Events.MANIFEST_PARSED, ({ levels }) => {
    session.note("MANIFEST_PARSED", levels.length);
    at("level").replaceChildren(
      new Option("automatic", "-1"),
      ...levels.map((level, index) => new Option(nameOf(level), String(index))),
    );
    say(`Playing ${levels.length} qualities`);
    video.play().catch(() => say("Press play to begin: the browser does not start by itself."));
  });
  on(Hls.Events.LEVEL_SWITCHED, ({ level }) => {
    session.note("LEVEL_SWITCHED", level);
    session.chosen.push([session.now(), hls.levels[level].bitrate / 1e6]);
    at("playing").textContent = nameOf(hls.levels[level]);
  });
  on(Hls.Events.FRAG_BUFFERED, ({ frag, stats }) => {
    if (frag.sn === "initSegment") return;
    session.note("FRAG_BUFFERED", frag.sn);
    addSegment(hls, session, frag, stats);
  });
  on(Hls.Events.FRAG_LOADED, ({ frag, networkDetails }) => {
    frag.toldBy = readCache(networkDetails);
  });
  on(Hls.Events.ERROR, ({ type, details, fatal, response }) => {
    session.note("ERROR", { type, details, fatal });
    if (!fatal) return;
    const code = response?.code ? ` (status ${response.code})` : "";
    say(`${details}${code}: ${helpFor(type)}`, true);
  });
}

function helpFor(type) {
  if (type === Hls.ErrorTypes.NETWORK_ERROR) {
    return "is the server up, and does it allow other origins (Access-Control-Allow-Origin)?";
  }
  return "the stream cannot be played.";
}

function nameOf(level) {
  const rate = `${(level.bitrate / 1e6).toFixed(2)} Mb/s`;
  return level.height ? `${level.height}p, ${rate}` : rate;
}

/** What the nearest cache says it did (RFC 9211: the last member is the nearest). */
function readCache(details) {
  const told = details?.getResponseHeader?.("cache-status");
  if (!told) return { how: "not told", by: "", detail: "" };
  const members = told.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g).map((one) => one.trim());
  const nearest = members.at(-1);
  const by = nearest.split(";")[0].trim().replaceAll('"', "");
  const how = /;\s*hit\b/.test(nearest) ? "hit" : "miss";
  return { how, by, detail: nearest };
}

function addSegment(hls, session, frag, stats) {
  const seconds = (stats.loading.end - stats.loading.start) / 1000;
  const rate = seconds > 0 ? (stats.total * 8) / seconds / 1e6 : 0;
  const told = frag.toldBy ?? { how: "not told", by: "", detail: "" };
  const level = nameOf(hls.levels[frag.level]);
  session.segments.push({ number: frag.sn, level: frag.level, bytes: stats.total, seconds, rate, ...told });
  session.measured.push([session.now(), rate]);
  at("throughput").textContent = `${(hls.bandwidthEstimate / 1e6).toFixed(2)} Mb/s`;
  const known = session.segments.filter((one) => one.how !== "not told");
  const hits = known.filter((one) => one.how === "hit").length;
  at("hits").textContent = known.length ? `${hits} of ${known.length}` : "not told";
  const row = document.createElement("tr");
  const cells = [frag.sn, level, stats.total, seconds.toFixed(3), rate.toFixed(2), told.how, told.by];
  row.append(...cells.map((text) => cell(text)));
  row.children[5].className = told.how;
  row.children[5].title = told.detail;
  at("segments").prepend(row);
  while (at("segments").children.length > MOST_ROWS) at("segments").lastChild.remove();
}

function cell(text) {
  const made = document.createElement("td");
  made.textContent = String(text);
  return made;
}

function bufferAhead() {
  const { buffered, currentTime } = video;
  for (let index = 0; index < buffered.length; index += 1) {
    if (buffered.start(index) <= currentTime + 0.1 && currentTime <= buffered.end(index)) {
      return buffered.end(index) - currentTime;
    }
  }
  return 0;
}

function look() {
  if (hls === null) return;
  const now = session.now();
  const ahead = bufferAhead();
  session.buffer.push([now, ahead]);
  at("buffered").textContent = `${ahead.toFixed(1)} s`;
  const from = Math.max(0, now - WINDOW);
  const to = Math.max(now, from + 10);
  charts.buffer.draw([{ colour: "--chosen", points: session.buffer }], from, to);
  charts.rate.draw(
    [
      { colour: "--measured", points: session.measured },
      { colour: "--chosen", step: true, points: session.chosen },
    ],
    from,
    to,
  );
  const bars = session.segments.map(({ seconds, how }) => ({
    value: seconds,
    colour: how === "hit" ? "--hit" : how === "miss" ? "--miss" : "--unknown",
  }));
  charts.segments.draw(bars, MOST_BARS);
}

video.addEventListener("playing", () => {
  if (session.startup === null) {
    session.startup = session.now();
    at("startup").textContent = `${session.startup.toFixed(2)} s`;
  }
  if (session.stalledSince !== null) {
    session.stalledFor += session.now() - session.stalledSince;
    session.stalledSince = null;
    at("stalls").textContent = `${session.stalls}, ${session.stalledFor.toFixed(1)} s`;
  }
});
video.addEventListener("waiting", () => {
  if (session.startup === null || video.seeking || session.stalledSince !== null) return;
  session.stalls += 1;
  session.stalledSince = session.now();
  session.note("STALLED");
  at("stalls").textContent = String(session.stalls);
});
video.addEventListener("ended", () => {
  session.note("ENDED");
  say("The end.");
});

at("level").addEventListener("change", (event) => {
  if (hls !== null) hls.currentLevel = Number(event.target.value);
});
at("open").addEventListener("submit", (event) => {
  event.preventDefault();
  const url = at("url").value;
  history.replaceState(null, "", `?url=${encodeURIComponent(url)}`);
  open(url);
});

setInterval(look, TICK);
const asked = new URLSearchParams(location.search).get("url");
if (asked) {
  at("url").value = asked;
  open(asked);
}
