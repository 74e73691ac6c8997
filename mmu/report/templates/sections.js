// Conclusions: verdicts, topics, moderation, people.
function card(id, title, body, extra = {}) {
  return h("section.card", { id, "aria-label": title, class: extra.class ?? "" },
    h("header", {}, h("h2", {}, title), extra.hint ? h("span.hint", {}, extra.hint) : null, extra.right ?? null), body);
}

function dial(value, kind) {
  const length = 2 * Math.PI * 33;
  const part = Math.min(1, Math.max(0, value / 100));
  const text = svg("text", { x: 38, y: 45 });
  text.textContent = String(Math.round(value));
  return h("span", { class: kind, role: "img", "aria-label": say("quality_of", { n: Math.round(value) }) },
    (() => {
      const root = svg("svg", { viewBox: "0 0 76 76", class: "dial", "aria-hidden": "true" }, svg("circle", { cx: 38, cy: 38, r: 33 }));
      if (part > 0) root.append(svg("circle", { cx: 38, cy: 38, r: 33, class: "value", transform: "rotate(-90 38 38)", "stroke-dasharray": `${length * part} ${length}` }));
      root.append(text);
      return root;
    })());
}

const DECISIONS = { pass: "good", review: "warn", block: "bad" };

function verdicts() {
  const rows = [];
  if (data.category) {
    rows.push(h("div", {}, h("p.label", {}, say("category")), h("p.big", {}, h("bdi", {}, data.category.name), " ", h("span.num.small.faint", {}, score(data.category.score))),
      data.category.evidence.length ? h("div.tokens", { style: { "margin-top": "7px" } }, data.category.evidence.slice(0, 4).map((id) => tagLink(id))) : null,
      data.category.alternatives.length ? h("p.small.faint", { style: { "margin-top": "8px" } }, say("alternatives"), " ",
        data.category.alternatives.map(([id, value], k) => [k ? " · " : " ", h("bdi", {}, own(data.names, id) ?? both(pretty(id))), ` ${score(value)}`])) : null));
  }
  if (data.quality) {
    rows.push(h("div.verdict", {}, dial(data.quality.overall, tone(data.quality.overall)), h("div", {}, h("p.label", {}, say("quality")), worst())));
  }
  const feeling = (id) => data.names[id] ?? name("emotion", id);
  if (data.emotion) {
    const others = Object.entries(data.emotion.scores).sort((a, b) => b[1] - a[1]).slice(0, 4);
    rows.push(h("div", {}, h("p.label", {}, say("emotion")), h("p.big", {}, h("span", {}, feeling(data.emotion.label)), " ", h("span.num.small.faint", {}, score(data.emotion.score))),
      h("div.parts", { style: { "margin-top": "8px" } }, others.map(([label, value]) => [h("span", {}, feeling(label)), meter([[value, "axis-speech"]]), h("span.score", {}, score(value))])),
      emotionAxes(feeling),
      data.emotion.evidence.length ? fold(say("paths", { n: data.emotion.evidence.length }), h("div.paths", { style: { padding: "6px 0 0" } }, data.emotion.evidence.map((item) => pathNode(item, null)))) : null));
  }
  if (!rows.length) return null;
  return h("section.card.verdicts", { id: "verdicts", "aria-label": say("category") }, rows.map((row, k) => (k ? h("div.rule", {}, row) : row)));
}

/** The weakest part says most about what to mend. */
function worst() {
  const parts = [...data.quality.parts].sort((a, b) => a.score - b.score).slice(0, 3);
  return h("div.parts", { style: { "margin-top": "4px" } }, parts.map((part) => [h("span", {}, part.label ?? name("part", part.name)), meter([[part.score / 100, tone(part.score)]]), h("span.score", {}, String(Math.round(part.score)))]));
}

function fold(title, body) {
  return h("details.fold", {}, h("summary", {}, title), body);
}

function qualitySection() {
  if (!data.quality) return null;
  return card("quality", say("quality"), h("div.parts", {}, data.quality.parts.map((part) => [
    h("span", {}, part.label ?? name("part", part.name)), meter([[part.score / 100, tone(part.score)]]), h("span.score", {}, String(Math.round(part.score))),
  ])), { right: h("span.pill.right", { class: { "tone-good": "good", "tone-warn": "warn", "tone-bad": "bad" }[tone(data.quality.overall)] }, `${Math.round(data.quality.overall)} / 100`) });
}

function topicSection() {
  if (!data.topics.length) return null;
  const looks = { keep: "good", merge: "accent", drop: "bad", suggest: "accent" };
  const order = ["keep", "merge", "suggest", "drop"];
  const topics = [...data.topics].sort((a, b) => order.indexOf(a.action) - order.indexOf(b.action));
  return card("topics", say("topics"), h("ul.list", {}, topics.map((item) => h("li.topic", {},
    h("span.pill", { class: looks[item.action] }, name("action", item.action)),
    h("span", {}, item.action === "drop" ? h("del", {}, quoted(`#${item.topic}`)) : h("b", {}, quoted(`#${item.topic}`)),
      item.action === "merge" ? [h("span.faint", {}, " → "), h("b", {}, quoted(`#${item.canonical}`))] : null),
    h("span.score", {}, score(item.score)), h("p.small.faint", {}, h("bdi", {}, item.text))))));
}

function moderationSection() {
  const found = data.moderation;
  if (!found) return null;
  const hits = found.hits.map((hit) => {
    const target = { axis: hit.axis, span: hit.span, box: hit.box, boxes: own(data.signals, hit.signal)?.boxes ?? [], label: hit.name };
    return h("li", {}, h("button.hit", { type: "button", on: { click: () => choose(target) } },
      h("span.severity", { role: "img", "aria-label": say("severity", { n: hit.severity }), title: say("severity", { n: hit.severity }) }, [1, 2, 3, 4, 5].map((k) => h("i", { class: k <= hit.severity ? "on" : "" }))),
      h("b", {}, h("bdi", {}, hit.name)), h("span.score", {}, score(hit.score)),
      h("p.small.faint", {}, h("span", {}, name("axis", hit.axis)), hit.span ? [" · ", h("time", {}, range(...hit.span))] : null,
        hit.text ? [" · “", quoted(hit.text), "”"] : null, " · ", h("span.mono", {}, quoted(hit.rule)))));
  });
  return card("moderation", say("moderation"), [
    hits.length ? h("ul.list", {}, hits) : h("p.faint", {}, say("no_hits")),
    h("p.small.faint", { style: { "margin-top": "10px" } }, say("policy"), " ", h("span.mono", {}, quoted(`${found.policy} ${found.version}`)),
      found.priority > 0 ? [" · ", say("priority"), ` ${found.priority.toFixed(2)}`] : null),
  ], { right: h("span.pill.strong.right", { class: DECISIONS[found.decision] }, name("decision", found.decision)) });
}

function personNode(person, index) {
  const lane = data.lanes.find((item) => item.id === "faces");
  const blocks = lane?.rows.find((row) => row.name === person.id)?.blocks ?? [];
  const looks = [
    person.age !== null ? say(person.age_spread !== null ? "years_spread" : "years", { n: Math.round(person.age), s: Math.round(person.age_spread ?? 0) }) : null,
    person.gender ? say("appears", { v: name("gender", person.gender) }) : null,
    person.expression ? name("emotion", person.expression) : null,
  ].filter(Boolean);
  const at = person.best_time ?? person.spans[0]?.[0] ?? null;
  const span = person.spans.find(([a, b]) => at !== null && at >= a && at <= b) ?? person.spans[0] ?? null;
  const face = source.faces[person.id];
  const hidden = at !== null && data.covers.some(([a, b]) => at >= a && at <= b);
  return h("button.person", { type: "button", on: { click: () => choose({ axis: "face", span, at, box: person.box, boxes: blocks.flatMap((b) => b.boxes ?? []), label: person.name ?? say("person_n", { n: index + 1 }) }) } },
    face ? h("img", { src: face, alt: "", class: hidden ? "sensitive covered" : "" }) : h("span.blank", {}, icon("M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Z", "M4 21c0-4.4 3.6-7 8-7s8 2.6 8 7")),
    h("span", {}, h("b", {}, person.name ? h("bdi", {}, person.name) : say("person_n", { n: index + 1 })), h("span.small.faint", { style: { display: "block" } }, looks.map((look, k) => [k ? " · " : "", h("span", {}, look)])),
      h("span.small.faint.num", { style: { display: "block" } }, say("on_screen_s", { n: duration(person.seconds) }))));
}

function peopleSection() {
  if (!data.people.length) return null;
  const people = [...data.people].sort((a, b) => b.seconds - a.seconds);
  return card("people", say("people"), h("div.people", {}, people.map(personNode)), { hint: say("people_hint") });
}
