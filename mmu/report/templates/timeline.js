// Lanes over one time axis, a playhead, and a tooltip.
const tip = h("div.tip", { hidden: true, role: "presentation" });
let marked = []; // spans of the tag that is open, drawn in the ruler

function laneLabel(lane, row, index) {
  if (lane.id === "faces") return say("person_n", { n: index + 1 });
  if (isPair(row.name)) return row.name;
  if (row.name) return name("label", row.name);
  return index === 0 ? name("lane", lane.id) : null;
}

function blockNode(item, lane, label, index) {
  const { start, end } = item;
  const total = data.duration || 1;
  const words = lane.id === "shots" ? String(index + 1) : ["text", "speech"].includes(lane.id) ? item.label : "";
  const node = h("div.block", { class: words ? "" : "slim", style: { left: percent(start / total), width: percent(Math.max(0, end - start) / total) } }, words || null);
  const title = lane.id === "shots" ? say("shot_n", { n: index + 1 }) : words ? both(words) : label;
  node.block = { ...item, span: [start, end], axis: lane.axis, label: title ?? name("lane", lane.id) };
  return node;
}

function laneNodes(lane) {
  const group = h("div.lane", { class: `lane-${lane.id} axis-${lane.axis}` });
  lane.rows.forEach((row, r) => {
    const label = laneLabel(lane, row, r);
    const heading = r === 0 && row.name ? name("lane", lane.id) : null;
    const first = r === 0 && !row.name;
    group.append(h("div.row", { class: first ? "first" : "" },
      h("div.name", heading ? { title: heading } : {}, label ? [h("span.dot"), h("bdi", {}, label)] : null),
      h("div.track", {}, row.blocks.map((item, k) => blockNode(item, lane, label, k)))));
  });
  return group;
}

function stripNode() {
  const total = data.duration || 1;
  const wide = 1 / source.strip.length;
  return h("div.row.first", {}, h("div.name", {}, h("span.dot.axis-media"), h("bdi", {}, say("frames"))),
    h("div.track.strip", {}, source.strip.map(([t, uri], k) =>
      h("img", { src: uri, alt: "", loading: "lazy", class: data.covers.some(([a, b]) => t >= a && t <= b) ? "sensitive covered" : "",
        style: { left: percent(k * wide), width: `calc(${percent(wide)} + 1px)` } }))));
}

function timeline() {
  if (!(data.duration > 0) || media?.still || !data.lanes.length) return null;
  let zoom = 1;
  const total = data.duration;
  const rulerTrack = h("div.track");
  const head = h("i");
  const inner = h("div.inner", {},
    h("div.row.ruler", {}, h("div.name"), rulerTrack),
    source.strip.length ? stripNode() : null, data.lanes.map(laneNodes), h("div.head", {}, head));
  const scroller = h("div.lanes", { tabindex: 0, role: "slider", "aria-label": say("timeline"), "aria-valuemin": 0, "aria-valuemax": total.toFixed(1) }, inner);

  const drawRuler = () => {
    const wide = rulerTrack.clientWidth || 800;
    const step = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600].find((s) => (wide * s) / total >= 62) ?? 7200;
    const marks = marked.map(([a, b]) => h("b", { style: { left: percent(a / total), width: percent((b - a) / total) } }));
    for (let k = 0; k * step <= total; k += 1) {
      const left = percent((k * step) / total);
      marks.push(h("i", { style: { left } }));
      if (k * step <= total * 0.985) marks.push(h("span", { style: { left }, class: k ? "" : "start" }, clock(k * step, step < 1)));
    }
    rulerTrack.replaceChildren(...marks);
  };
  const out = h("button", { type: "button", disabled: true, "aria-label": say("zoom_out"), on: { click: () => rezoom(zoom / 2) } }, "−");
  const into = h("button", { type: "button", "aria-label": say("zoom_in"), on: { click: () => rezoom(zoom * 2) } }, "+");
  const rezoom = (next) => {
    zoom = Math.min(32, Math.max(1, next));
    inner.style.setProperty("width", `${zoom * 100}%`);
    out.disabled = zoom <= 1;
    into.disabled = zoom >= 32;
    drawRuler();
    scroller.scrollLeft = (now() / total) * inner.clientWidth - scroller.clientWidth / 2;
  };
  const timeAt = (event) => {
    const place = rulerTrack.getBoundingClientRect();
    return ((event.clientX - place.left) / place.width) * total;
  };
  inner.addEventListener("click", (event) => {
    if (event.target.closest(".name")) return;
    const item = event.target.closest(".block")?.block;
    item ? choose({ ...item, at: item.box && !item.boxes?.length ? item.start : Math.max(item.start, timeAt(event)) }) : seek(timeAt(event));
  });
  inner.addEventListener("pointermove", (event) => {
    const item = event.target.closest(".block")?.block;
    tip.hidden = !item;
    if (!item) return;
    const facts = [range(item.start, item.end), typeof item.score === "number" ? score(item.score) : "", item.source ?? ""].filter(Boolean);
    tip.replaceChildren(quoted(inLanguage(item.label)), h("small", {}, facts.join(" · ")));
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    tip.style.setProperty("left", `${Math.max(8, left)}px`);
    tip.style.setProperty("top", `${event.clientY + 18 + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 12 : event.clientY + 18}px`);
  });
  inner.addEventListener("pointerleave", () => { tip.hidden = true; });
  const blocks = [...inner.querySelectorAll(".block")];
  onTick((t) => {
    head.style.setProperty("left", percent(t / total));
    scroller.setAttribute("aria-valuenow", t.toFixed(1));
    scroller.setAttribute("aria-valuetext", clock(t, true));
    for (const node of blocks) node.classList.toggle("on", t >= node.block.start && t < node.block.end);
  });
  new ResizeObserver(drawRuler).observe(scroller);
  document.addEventListener("mmu-mark", (event) => { marked = event.detail; drawRuler(); });
  document.body.append(tip);
  return h("section.card.timeline", { id: "timeline", "aria-label": say("timeline") },
    h("header", {}, h("h2", {}, say("timeline")), h("span.hint", {}, say("timeline_hint")), h("div.tools.right", {}, out, into)), scroller);
}
