// The page: header, verdicts, timeline, findings.
function topBar(sections) {
  const buttons = ["zh", "en"].map((tongue) => h("button", { type: "button", lang: tongue === "zh" ? "zh-CN" : "en", "data-language": tongue, on: { click: () => switchTo(tongue) } }, tongue === "zh" ? "中文" : "English"));
  const switchTo = (tongue) => {
    setLanguage(tongue);
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.language === tongue));
    tick();
  };
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.language === language));
  return h("header.bar", {}, h("div", {},
    h("span.brand", {}, icon("M4 6.5A2.5 2.5 0 0 1 6.5 4h11A2.5 2.5 0 0 1 20 6.5v11a2.5 2.5 0 0 1-2.5 2.5h-11A2.5 2.5 0 0 1 4 17.5Z", "M10 8.8v6.4l5.2-3.2Z"), h("span", {}, "MMU"), h("small", {}, say("report"))),
    h("nav", { "aria-label": say("sections") }, sections.map((node) => h("a", { href: `#${node.id}` }, say(navName(node.id))))),
    h("div.switch", { role: "group", "aria-label": say("language") }, buttons)));
}
const navName = (id) => ({ text: "on_screen_text" })[id] ?? id;

function intro() {
  const file = data.uri.split(/[\\/]/).pop() || data.uri;
  const looks = { ok: "good", partial: "warn", failed: "bad", skipped: "" };
  const title = data.title || file;
  const pills = [h("span.pill.strong", { class: looks[data.outcome] }, h("span.dot"), name("outcome", data.outcome))];
  if (data.category) pills.push(h("span.pill.accent", {}, h("bdi", {}, data.category.name)));
  if (data.moderation) pills.push(h("a.pill", { href: "#moderation", class: DECISIONS[data.moderation.decision], style: { "text-decoration": "none" } }, h("span", {}, say("moderation")), h("b", {}, name("decision", data.moderation.decision))));
  if (media && !media.still && data.duration) pills.push(h("span.pill.num", {}, clock(data.duration)));
  if (media?.video) pills.push(h("span.pill.num", {}, `${media.video.width} × ${media.video.height}`));
  if (data.language) pills.push(h("span.pill", {}, name("language", data.language)));
  if (data.title) pills.push(h("span.pill", { title: data.uri }, quoted(file)));
  return h("div.intro", {}, h("h1", {}, title ? quoted(title) : say("untitled")),
    data.caption ? h("p.lede", {}, h("bdi", {}, data.caption.text)) : null,
    longCaption(),
    data.caption?.tags.length ? h("div.drawn", {}, h("span", {}, say("caption_from")), data.caption.tags.map((id) => tagLink(id, false, "link"))) : null, h("div.meta", {}, pills));
}

/** What went wrong, in plain sight, each with the place where it happened. */
function problems() {
  if (!data.errors.length && !["failed", "skipped", "partial"].includes(data.outcome)) return null;
  return h("section.problems", { class: data.outcome, role: "alert" }, h("h2", {}, say(`problems_${data.outcome}`)),
    data.errors.length ? h("ul", {}, data.errors.map((error) => h("li", {}, h("span.mono", {}, quoted(`${error.where} · ${error.code}`)), quoted(error.message)))) : null);
}

function mainTags() {
  const top = data.tags.slice(0, 10);
  return top.length ? card("main-tags", say("main_tags"), h("div.tokens", {}, top.map((tag) => tagLink(tag.id, true)))) : null;
}

function build() {
  const shown = media !== null && (media.video !== null || media.audio !== null);
  const player = shown ? viewer() : null;
  const findings = verdicts();
  const side = [findings].filter(Boolean);
  const first = [player, mainTags()].filter(Boolean);
  const time = timeline();
  const story = [mismatchSection(), eventSection()].filter(Boolean);
  const left = [tagSection(), entitySection(), peopleSection(), speakerSection()].filter(Boolean);
  const right = [topicSection(), moderationSection(), qualitySection(), musicSection()].filter(Boolean);
  const said = [transcriptSection(), textSection()].filter(Boolean);
  const last = [factsSection(), processingSection()].filter(Boolean);
  const anything = side.length || time || left.length || right.length || said.length;
  const stack = (nodes) => (nodes.length ? h("div.below", { style: { margin: 0 } }, nodes) : null);
  const pair = (a, b, kind) => (a.length && b.length ? h("div", { class: kind }, stack(a), stack(b)) : stack([...a, ...b]));
  const nav = [time, ...story, ...left, ...right, ...said, ...last].filter((node) => node && !["music", "people", "speakers", "mismatch"].includes(node.id));
  document.getElementById("app").append(topBar(nav), h("main.page", {},
    intro(), problems(),
    pair(first, side, "hero"),
    h("div.below", {}, time, story, pair(left, right, "columns"), said.length === 2 ? h("div.halves", {}, said) : said,
      !anything && data.outcome !== "failed" ? h("p.card.faint", {}, say("nothing")) : null, last.length === 2 ? h("div.halves", {}, last) : last),
    h("footer.foot", {}, h("span", {}, say("privacy")), h("span.mono", {}, data.schema))));
  setLanguage(language);
  tick();
}
build();
