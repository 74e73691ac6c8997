// One clock for the page. It follows the video or audio element, and works without either.
const media = data.media;
const size = media?.video ? [media.video.width, media.video.height] : null;
const listeners = [];
let element = null; // the <video> or <audio>
let clockTime = 0;
let chosen = null; // {label, axis, box, boxes, span}
let uncovered = false;
let allBoxes = false;
let used = false; // the reader has played or chosen something: only then may the player float

const stage = h("div.stage");
const overlay = h("div.overlay", { "aria-hidden": "true" });
const nowLabel = h("span.now.num");
const chosenLine = h("div.chosen", { "aria-live": "polite" });

const progress = h("i");
const playButton = h("button.round.play", { type: "button", "aria-label": say("play"), on: { click: () => togglePlay() } },
  icon("M8 5v14l11-7Z"), icon("M9 5v14M15 5v14"));
const soundButton = h("button.round.mute", { type: "button", "aria-label": say("mute"), "aria-pressed": "false", on: { click: () => toggleMute() } },
  icon("M4 9.5v5h3.5L12 18.5v-13L7.5 9.5Z", "M15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11"), icon("M4 9.5v5h3.5L12 18.5v-13L7.5 9.5Z", "m16 10 4.5 4.5M20.5 10 16 14.5"));
const wideButton = h("button.round", { type: "button", "aria-label": say("fullscreen"), on: { click: () => toggleFullscreen() } },
  icon("M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5"));

const coverButton = h("button.toggle", { type: "button", hidden: true, on: { click: () => cover(true) } }, say("cover"));

const now = () => (element ? element.currentTime : clockTime);
const onTick = (listener) => listeners.push(listener);

function tick() {
  const t = now();
  nowLabel.textContent = data.duration > 0 ? `${clock(t, true)} / ${clock(data.duration, true)}` : "";
  // a poster may be from any time
  const poster = !element && source.kind !== "image" && data.covers.length > 0;
  const hidden = !uncovered && (poster || data.covers.some(([start, end]) => t >= start && t <= end));
  stage.classList.toggle("covered", hidden);
  drawBoxes(t);
  progress.style.setProperty("width", percent(data.duration > 0 ? Math.min(1, t / data.duration) : 0));
  const playing = element !== null && !element.paused;
  playButton.classList.toggle("playing", playing);
  stage.classList.toggle("playing", playing);
  for (const listener of listeners) listener(t);
}

function follow() {
  tick();
  if (element && !element.paused) requestAnimationFrame(follow);
}

function seek(t) {
  const target = Math.min(Math.max(0, t), Math.max(0, data.duration || t));
  used = true;
  clockTime = target;
  if (element) element.currentTime = target;
  tick();
}

/** Show one piece of evidence: go there, and draw its box. */
function choose(item) {
  chosen = item;
  const facts = [item.span && !media?.still ? range(...item.span) : "", item.source ?? ""].filter(Boolean).join(" · ");
  chosenLine.replaceChildren(h("span.dot", { class: `axis-${item.axis}` }), h("b", {}, quoted(inLanguage(item.label))), h("span.faint", {}, facts));
  const first = item.boxes?.find((row) => !item.span || row[0] >= item.span[0] - 0.05);
  const at = item.at ?? (first && !item.span ? first[0] : item.span ? item.span[0] : null);
  // a hair after the start, so that the frame shown is the first of the span and not the one before
  if (at !== null) seek(item.span ? Math.min(at + 0.02, Math.max(at, item.span[1])) : at);
  else tick();
}

/** The box at a time: of a moving thing between its two nearest samples. */
function boxAt(item, t) {
  const rows = item.boxes;
  if (rows?.length) {
    const next = rows.findIndex((row) => row[0] >= t);
    if (next === 0) return t > rows[0][0] - 0.6 ? rows[0].slice(1) : null;
    if (next < 0) return t < rows.at(-1)[0] + 0.6 ? rows.at(-1).slice(1) : null;
    const [a, b] = [rows[next - 1], rows[next]];
    if (b[0] - a[0] > 2) return t - a[0] < 0.6 ? a.slice(1) : b[0] - t < 0.6 ? b.slice(1) : null;
    const part = (t - a[0]) / (b[0] - a[0] || 1);
    return a.slice(1).map((value, k) => value + part * (b[k + 1] - value));
  }
  return item.box ?? null;
}

function boxNode(item, t, extra) {
  const span = item.span ?? (item.start !== undefined ? [item.start, item.end] : null);
  if (span && !media?.still && (t < span[0] - 0.05 || t > span[1] + 0.05)) return null;
  const box = boxAt(item, t);
  if (!box || !size) return null;
  const [x, y, w, hh] = box;
  const place = { left: percent(x / size[0]), top: percent(y / size[1]), width: percent(w / size[0]), height: percent(hh / size[1]) };
  const node = h("div", { class: `axis-${item.axis} ${extra} ${y / size[1] < 0.08 ? "low" : ""}`, style: place }, item.label === "" ? null : h("span", {}, inLanguage(item.label)));
  node.dataset.box = box.map((v) => v.toFixed(1)).join(" ");
  return node;
}

// what "all boxes" draws; text needs no label, it can be read in the picture
const everyBox = data.lanes.filter((lane) => ["faces", "objects", "text"].includes(lane.id)).flatMap((lane) =>
  lane.rows.flatMap((row, r) => row.blocks.filter((b) => b.box || b.boxes?.length).map((b) => ({
    ...b, axis: lane.axis, label: lane.id === "text" ? "" : lane.id === "faces" ? say("person_n", { n: r + 1 }) : isPair(row.name) ? row.name : name("label", b.label),
  }))));

function drawBoxes(t) {
  const nodes = allBoxes ? everyBox.map((item) => boxNode(item, t, "")) : [];
  if (chosen) nodes.push(boxNode(chosen, t, "chosen"));
  overlay.replaceChildren(...nodes.filter(Boolean));
}

function toggleBoxes(event) {
  allBoxes = !allBoxes;
  event.currentTarget.setAttribute("aria-pressed", String(allBoxes));
  tick();
}

function togglePlay() {
  if (element) element.paused ? element.play().catch(() => {}) : element.pause();
}

function toggleMute() {
  element.muted = !element.muted;
  soundButton.setAttribute("aria-pressed", String(element.muted));
}

function cover(again) {
  uncovered = !again;
  coverButton.hidden = again;
  for (const node of document.querySelectorAll("img.sensitive")) node.classList.toggle("covered", again);
  tick();
}

/** The frame around the stage, so that the boxes are there too. */
function toggleFullscreen() {
  document.fullscreenElement ? document.exitFullscreen() : stage.parentElement.requestFullscreen?.().catch(() => {});
}

/** Bytes that travel in the page, as something a media element can seek in. */
function embedded() {
  const text = document.getElementById("data-media").textContent;
  if (!text) return null;
  const raw = atob(text);
  const buffer = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k += 1) buffer[k] = raw.charCodeAt(k);
  return URL.createObjectURL(new Blob([buffer], { type: source.mime }));
}

function still(note) {
  const parts = source.poster ? [h("img.picture", { src: source.poster, alt: "" })] : [];
  if (!source.poster) parts.push(h("p.nothing", {}, note));
  return parts;
}

function buildStage() {
  const url = source.kind === "none" ? null : (embedded() ?? source.url);
  if (size) stage.style.setProperty("--aspect", String(size[0] * pixelAspect() / size[1]));
  if (source.kind === "video") {
    element = h("video", { playsinline: true, preload: "auto", poster: data.covers.length ? null : source.poster, "aria-label": say("player") });
    stage.append(element, h("div.progress", {}, progress));
    element.addEventListener("click", togglePlay);
    element.addEventListener("error", () => {
      element = null;
      stage.querySelector("video").replaceWith(...still(say("no_playback")));
      for (const button of [playButton, soundButton, wideButton]) button.remove();
      tick();
    });
  } else if (source.kind === "audio") element = h("audio", { controls: true, preload: "auto", "aria-label": say("player") });
  else if (source.kind === "image") stage.append(h("img.picture", { src: url, alt: "" }));
  else stage.append(...still(say("no_video")));
  if (element) {
    element.src = url;
    element.addEventListener("play", () => { used = true; follow(); });
    for (const event of ["seeked", "timeupdate", "loadedmetadata", "pause"]) element.addEventListener(event, tick);
  }
  stage.append(overlay, h("div.cover", {}, h("span", {}, say("covered")),
    h("button", { type: "button", on: { click: () => cover(false) } }, say("uncover"))));
}

function pixelAspect() {
  const [x, y] = (media?.video?.sample_aspect_ratio ?? "1:1").split(":").map(Number);
  return x > 0 && y > 0 ? x / y : 1;
}

function viewer() {
  buildStage();
  const picture = size !== null;
  const sound = h("div.sound", {}, icon("M4 10v4M8 6v12M12 3v18M16 7v10M20 10v4"), h("span", {}, say(media?.audio && !picture ? "audio_only" : "no_video")));
  const holder = h("div.holder", {}, h("div.frame", {}, picture ? stage : sound));
  const park = h("div.park");
  const video = element?.tagName === "VIDEO";
  const away = h("button.round.away", { type: "button", "aria-label": say("dismiss"), on: { click: () => { used = false; element?.pause(); card.classList.remove("floating"); } } }, icon("M6 6l12 12M18 6 6 18"));
  holder.append(away);
  const controls = h("div.controls", {}, video ? playButton : null, nowLabel, chosenLine,
    data.covers.length && picture ? coverButton : null,
    everyBox.length && picture ? h("button.toggle", { type: "button", "aria-pressed": "false", on: { click: toggleBoxes } }, say("all_boxes")) : null,
    video && media?.audio ? soundButton : null, video ? wideButton : null);
  const card = h("section.card.viewer", { id: "player", "aria-label": say("player") }, park, holder, element?.tagName === "AUDIO" ? element : null, controls);
  // out of sight, a player in use moves to the corner, so that a click on evidence is always seen
  if (picture && source.kind !== "none") {
    new IntersectionObserver(([entry]) => {
      const float = used && entry.intersectionRatio < 0.25 && entry.boundingClientRect.top < 0;
      if (float && !card.classList.contains("floating")) park.style.setProperty("height", `${holder.offsetHeight}px`);
      card.classList.toggle("floating", float);
    }, { threshold: [0, 0.25, 0.5] }).observe(card);
    onTick(() => {
      const place = card.getBoundingClientRect();
      if (used && place.bottom < 60 && !card.classList.contains("floating")) {
        park.style.setProperty("height", `${holder.offsetHeight}px`);
        card.classList.add("floating");
      }
    });
  }
  return card;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, video, audio")) return;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step && data.duration > 0) { event.preventDefault(); seek(now() + step * (event.shiftKey ? 5 : 1)); }
  if (event.key === " " && element && !event.target.closest("button, summary, a")) { event.preventDefault(); togglePlay(); }
});
