// What happens when, and where the title and the content disagree.
function eventNode(item) {
  const target = { axis: "image", span: [item.start, item.end], box: null, boxes: [], label: item.text };
  const marks = [...item.facts.map((fact) => fact.name), ...item.sounds];
  return h("li", {}, h("button.event", { type: "button", on: { click: () => choose(target) } },
    h("time", {}, range(item.start, item.end)),
    h("span", {}, h("bdi", { dir: "auto" }, item.text),
      marks.length ? h("span.tokens", { style: { "margin-top": "5px" } }, marks.map((mark) => h("span.token", {}, h("bdi", {}, mark)))) : null)));
}

function eventSection() {
  if (!data.events.length || media?.still) return null;
  return card("events", say("events"), h("ul.list.events", {}, data.events.map(eventNode)), {
    hint: say("events_hint"), right: h("span.hint.right", {}, say("lines", { n: data.events.length })),
  });
}

function sideNode(title, side) {
  return h("div", {}, h("p.label", {}, title), h("div.tokens", {}, side.names.map((one) => h("span.token", {}, h("bdi", {}, one)))),
    fold(say("paths", { n: side.evidence.length }), h("div.paths", { style: { padding: "6px 0 0" } }, side.evidence.map((item) => pathNode(item, null)))));
}

/** Both sides beside each other, so that a reader can judge for themselves. */
function mismatchSection() {
  if (!data.contradictions.length) return null;
  return card("mismatch", say("mismatch"), h("ul.list", {}, data.contradictions.map((item) => h("li", {},
    h("p", {}, h("bdi", { dir: "auto" }, item.text), " ", h("span.num.small.faint", {}, score(item.score))),
    h("div.sides", {}, sideNode(say("title_says"), item.claimed), sideNode(say("content_is"), item.found))))), { class: "warned" });
}

/** What each axis says of the emotion, where several do. */
function emotionAxes(feeling) {
  const axes = Object.entries(data.emotion.axes);
  if (!axes.length) return null;
  return h("p.small.faint", { style: { "margin-top": "8px" } }, axes.map(([axis, [label, value]], k) => [k ? " · " : "", h("span", {}, name("axis", axis)), ": ", h("span", {}, feeling(label)), ` ${score(value)}`]));
}
