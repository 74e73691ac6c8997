// What was said, written and played; the file itself; how the analysis went.
/** Rows that light up while the clock is inside them, and keep the current one in sight. */
function spoken(rows) {
  const list = h("div.scroll", { tabindex: 0 });
  const nodes = rows.map((row) => {
    const button = h("button.said", { type: "button", on: { click: () => choose({ axis: row.axis, span: [row.start, row.end], box: row.box ?? null, boxes: [], label: both(row.text) }) } },
      h("time", {}, clock(row.start)), quoted(row.text, row.tongue), row.extra ? h("span.extra", {}, row.extra) : h("span"));
    button.span = [row.start, row.end];
    return button;
  });
  let current = null;
  onTick((t) => {
    let next = null;
    for (const node of nodes) {
      const on = t >= node.span[0] && t < node.span[1];
      if (node.classList.contains("on") !== on) node.classList.toggle("on", on);
      if (on && !next) next = node;
    }
    if (next && next !== current && element && !element.paused) {
      list.scrollTop = next.offsetTop - list.offsetTop - list.clientHeight / 2;
    }
    current = next;
  });
  return [list, nodes];
}

function transcriptSection() {
  if (!data.transcript.length) return null;
  const many = new Set(data.transcript.map((item) => item.language)).size > 1;
  const [list, nodes] = spoken(data.transcript.map((item) => ({ ...item, axis: "speech", tongue: item.language, extra: manner(item, many) })));
  list.append(...nodes);
  list.setAttribute("role", "group");
  bind(list, say("transcript"), "aria-label");
  return card("transcript", say("transcript"), list, {
    hint: data.language ? name("language", data.language) : null,
    right: h("span.hint.right", {}, say("lines", { n: data.transcript.length })),
  });
}

function textSection() {
  if (!data.on_screen_text.length) return null;
  const roles = ["title", "subtitle", "overlay", "scene", "watermark"];
  const lines = [...data.on_screen_text].sort((a, b) => roles.indexOf(a.role) - roles.indexOf(b.role) || a.start - b.start);
  const [list, nodes] = spoken(lines.map((item) => ({ ...item, axis: "text", extra: media?.still ? null : range(item.start, item.end) })));
  lines.forEach((item, k) => {
    if (k === 0 || lines[k - 1].role !== item.role) list.append(h("p.role", {}, name("role", item.role)));
    list.append(nodes[k]);
  });
  list.setAttribute("role", "group");
  bind(list, say("on_screen_text"), "aria-label");
  return card("text", say("on_screen_text"), list, { right: h("span.hint.right", {}, say("lines", { n: lines.length })) });
}

const facts = (rows) => h("dl.facts", {}, rows.filter((row) => row && row[1] !== null && row[1] !== "").map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]));

function musicSection() {
  const music = data.music;
  if (!music) return null;
  if (!music.present) return card("music", say("music"), h("p.faint", {}, say("no_music")));
  return card("music", say("music"), [
    facts([[say("music_seconds"), duration(music.seconds)], music.tempo ? [say("tempo"), `${Math.round(music.tempo)} BPM`] : null, music.key ? [say("key"), quoted(music.key)] : null]),
    music.tags.length ? h("div.tokens", { style: { "margin-top": "12px" } }, music.tags.map(([label, value]) => h("span.token", {}, quoted(label), h("span.num", {}, score(value))))) : null,
  ]);
}

function factsSection() {
  const items = data.uri ? [[say("file"), quoted(data.uri)]] : [];
  if (media) {
    const { video, audio } = media;
    items.push([say("size"), bytes(media.bytes)], [say("container"), quoted(media.container)]);
    if (media.still) items.push([say("picture"), say("still")]);
    else {
      const off = media.container_duration && Math.abs(media.container_duration - media.duration) > 0.5;
      items.push([say("duration"), h("span", {}, clock(media.duration, true), off ? [" · ", h("span", {}, say("container_says", { n: clock(media.container_duration, true) }))] : null)]);
    }
    if (video) {
      items.push([say("picture"), h("span", {}, [quoted(video.codec), ` · ${video.width} × ${video.height}`, video.fps && !media.still ? ` · ${+video.fps.toFixed(2)} fps` : "",
        video.bit_depth > 8 ? ` · ${video.bit_depth} bit` : "", video.hdr ? " · HDR" : "", video.rotation ? [" · ", h("span", {}, say("rotated", { n: video.rotation }))] : ""])]);
    }
    if (audio) items.push([say("sound"), h("span", {}, [quoted(audio.codec), ` · ${+(audio.sample_rate / 1000).toFixed(1)} kHz · `, h("span", {}, say("channels", { n: audio.channels }))])]);
    if (media.frames_sampled) items.push([say("sampled"), String(media.frames_sampled)]);
  }
  if (data.language) items.push([say("main_language"), name("language", data.language)]);
  if (data.originality) items.push([say("hashes"), h("span", {}, `${data.originality.frames} × `, quoted(data.originality.algorithm))]);
  if (data.id) items.push([say("id"), h("span.mono", { title: data.id }, `${data.id.slice(0, 16)}…`)]);
  return items.length ? card("facts", say("facts"), facts(items)) : null;
}

/** What a stage tells that is no error: a batch that was halved, a GPU that could not be used. */
const noted = (notes) => notes.map((note) => h("tr.note", {}, h("td", { colspan: 5 }, h("span.pill", {}, say("note")), " ", quoted(note, "en"))));

function processingSection() {
  const models = Object.entries(data.models);
  const sources = Object.entries(data.sources);
  if (!data.stages.length && !models.length) return null;
  const longest = Math.max(0.001, ...data.stages.map((item) => item.seconds));
  const total = data.stages.reduce((sum, item) => sum + item.seconds, 0);
  const looks = { ok: "good", partial: "warn", failed: "bad", skipped: "" };
  const rows = data.stages.flatMap((item) => [
    h("tr", {}, h("td", {}, name("stage", item.name)), h("td", {}, h("span.pill", { class: looks[item.outcome] }, name("outcome", item.outcome))),
      h("td.w", {}, meter([[item.seconds / longest, ""]])), h("td.num", {}, `${item.seconds.toFixed(2)} s`), h("td.num", {}, String(item.signals))),
    ...item.errors.map((error) => h("tr.why", {}, h("td", { colspan: 5 }, h("span.mono", {}, quoted(error.code)), " ", quoted(error.message)))),
    ...noted(item.notes),
  ]);
  const decoding = media?.notes ?? [];
  if (decoding.length) rows.unshift(h("tr", {}, h("td", { colspan: 5 }, name("stage", "media"))), ...noted(decoding));
  const table = h("table.stages", {}, h("thead", {}, h("tr", {}, h("th", {}, say("stage")), h("th", {}, say("outcome")), h("th.w"), h("th.num", {}, say("time")), h("th.num", {}, say("signals")))),
    h("tbody", {}, rows, h("tr", {}, h("td", {}, h("b", {}, say("total"))), h("td"), h("td.w"), h("td.num", {}, h("b", {}, `${total.toFixed(2)} s`)), h("td.num", {}, h("b", {}, String(data.signal_count))))));
  return card("processing", say("processing"), [
    data.stages.length ? table : null,
    models.length ? fold(say("models"), facts(models.map(([key, hash]) => [key, h("span.mono", { title: hash }, quoted(hash.length > 20 ? `${hash.slice(0, 16)}…` : hash))]))) : null,
    sources.length ? fold(say("sources"), facts(sources.map(([kind, found]) => [h("span.mono", {}, quoted(kind)), h("span.mono", {}, found.map((one, k) => [k ? ", " : "", quoted(one)]))]))) : null,
    h("p.small.faint", { style: { "margin-top": "10px" } }, say("profile"), " ", h("span.mono", {}, quoted(data.profile)), data.pipeline ? [" · ", say("pipeline"), " ", h("span.mono", {}, quoted(data.pipeline.slice(0, 16)))] : null),
  ]);
}
