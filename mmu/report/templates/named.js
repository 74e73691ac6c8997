// Who and what is named, whose voices are heard, and the longer caption.
const KINDS = ["person", "place", "brand", "organisation", "work"];

function entityNode(item) {
  const best = item.mentions.find((one) => one.span || one.box) ?? item.mentions[0];
  const places = [...new Set(item.mentions.map((one) => one.where))].map((one) => name("where", one));
  const where = { zh: places.map((one) => one.zh).join("、"), en: places.map((one) => one.en).join(", ") };
  const target = { axis: best.axis, span: best.span, box: best.box, boxes: [], label: item.name, source: best.source };
  const content = [h("bdi", {}, item.name), h("span.num", {}, score(item.score)), h("small.faint", {}, where)];
  return best.span || best.box
    ? h("button.token", { type: "button", on: { click: () => choose(target) } }, content)
    : h("span.token", {}, content);
}

function entitySection() {
  if (!data.entities.length) return null;
  const groups = KINDS.map((kind) => [kind, data.entities.filter((item) => item.kind === kind)]).filter(([, items]) => items.length);
  return card("entities", say("entities"), groups.map(([kind, items]) => h("div.facet", {}, h("h3", {}, name("kind", kind)), h("div.tokens", {}, items.map(entityNode)))),
    { hint: say("entities_hint") });
}

/** The name of a voice, or its number; both languages. */
function voiceName(id) {
  const at = data.speakers.findIndex((one) => one.id === id);
  if (at < 0) return null;
  return data.speakers[at].name ? both(data.speakers[at].name) : say("speaker_n", { n: at + 1 });
}

function speakerNode(item, index) {
  const person = data.people.findIndex((one) => one.id === item.person);
  const seen = person < 0 ? null : data.people[person].name ? both(data.people[person].name) : say("person_n", { n: person + 1 });
  const looks = [
    item.age_group === "child" ? say("sounds_as", { v: name("age_group", "child") }) : item.gender ? say("sounds_as", { v: name("gender", item.gender) }) : null,
    item.emotion ? say("tone", { v: name("emotion", item.emotion) }) : null,
    seen ? say("face_of", { v: seen }) : null,
  ].filter(Boolean);
  return h("button.person", { type: "button", on: { click: () => choose({ axis: "speech", span: item.turns[0] ?? null, box: null, boxes: [], label: voiceName(item.id) }) } },
    h("span.blank", {}, icon("M12 15a3 3 0 0 0 3-3V6a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3Z", "M6 11v1a6 6 0 0 0 12 0v-1", "M12 18v3")),
    h("span", {}, h("b", {}, item.name ? h("bdi", {}, item.name) : say("speaker_n", { n: index + 1 })),
      h("span.small.faint", { style: { display: "block" } }, looks.map((look, k) => [k ? " · " : "", h("span", {}, look)])),
      h("span.small.faint.num", { style: { display: "block" } }, say("heard_s", { n: duration(item.seconds) }))));
}

function speakerSection() {
  if (!data.speakers.length) return null;
  return card("speakers", say("speakers"), h("div.people", {}, data.speakers.map(speakerNode)), { hint: say("speakers_hint") });
}

/** Who says a line and in what tone, where that is known. */
function manner(item, many) {
  const parts = [many ? name("language", item.language) : null, data.speakers.length > 1 || data.speakers[0]?.name ? voiceName(item.speaker) : null,
    item.emotion && item.emotion !== "neutral" ? name("emotion", item.emotion) : null].filter(Boolean);
  return parts.length ? { zh: parts.map((one) => one.zh).join(" · "), en: parts.map((one) => one.en).join(" · ") } : null;
}

/** The paragraph and the suggested titles, folded under the caption. */
function longCaption() {
  const { paragraph, titles } = data.caption ?? { titles: [] };
  if (!paragraph && !titles.length) return null;
  return h("details.fold.longer", {}, h("summary", {}, say("longer")),
    paragraph ? h("p.paragraph", {}, h("bdi", { dir: "auto" }, paragraph)) : null,
    titles.length ? [h("p.label", { style: { "margin-top": "10px" } }, say("titles")), h("ul.list.titles", {}, titles.map((title) => h("li", {}, h("bdi", { dir: "auto" }, title))))] : null);
}
