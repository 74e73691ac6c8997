// Tags by facet, and the paths that led to each: signal → label → concept → tag.
const FACETS = ["element", "scene", "person", "action", "topic", "emotion", "music", "style", "language"];

function meter(parts) {
  return h("div.meter", { "aria-hidden": "true" }, parts.map(([value, kind]) => h("i", { class: kind, style: { width: percent(Math.min(1, Math.max(0, value))) } })));
}

/** A tag's score, divided by the axes that carried it. */
function axisMeter(tag) {
  const sums = {};
  for (const item of tag.evidence) sums[item.axis] = (sums[item.axis] ?? 0) + Math.max(0, item.weight);
  const total = Object.values(sums).reduce((a, b) => a + b, 0) || 1;
  const order = Object.entries(sums).sort((a, b) => b[1] - a[1]);
  const node = meter(order.map(([axis, sum]) => [(tag.score * sum) / total, `axis-${axis}`]));
  return node;
}

function pathNode(item, last) {
  const signal = own(data.signals, item.signal);
  const span = item.span ?? signal?.span ?? null;
  const target = { axis: item.axis, span, box: item.box ?? signal?.box ?? null, boxes: signal?.boxes ?? [], label: both(item.path[0]?.text ?? item.signal), source: item.source };
  const steps = item.path.map((step) => [step.kind, step.kind === "concept" ? (own(data.names, step.id) ?? both(step.text)) : both(step.text)]);
  if (last && (steps.at(-1)?.[0] !== "concept" || item.path.at(-1).id !== last.id)) steps.push(["concept", last.name]);
  else if (last) steps.at(-1)[1] = last.name;
  const chain = h("span.chain", {}, steps.map(([kind, text], k) => [
    k ? h("span.arrow", { "aria-hidden": "true" }, "→") : null,
    h("span.step", { class: kind }, h("small", {}, name("step", kind)), h("bdi", { dir: "auto" }, text)),
  ]));
  const still = media?.still;
  const button = h("button.path", { type: "button", class: `axis-${item.axis}`, disabled: !span && !target.box, on: { click: () => {
    for (const node of document.querySelectorAll(".path.on")) node.classList.remove("on");
    button.classList.add("on");
    choose(target);
  } } }, chain,
  h("span.weigh", {}, h("span", {}, `${item.weight < 0 ? "−" : "+"}${Math.abs(item.weight).toFixed(2)}`), meter([[Math.abs(item.weight), ""]])),
  h("span.where", {}, h("b", {}, h("span.dot"), name("axis", item.axis)),
    span && !still ? h("time", {}, range(...span)) : still ? null : h("span", {}, say("no_time")), h("span.mono", {}, quoted(item.source))));
  return button;
}

function tagNode(tag) {
  const paths = h("div.paths");
  const node = h("details.tag", { id: `tag-${tag.id}` },
    h("summary", {}, h("span.title", {}, tagTitle(tag)), axisMeter(tag), h("span.score", {}, score(tag.score)), ),
    paths);
  // built when first opened: a long video has thousands of paths
  node.addEventListener("toggle", () => {
    if (node.open && !paths.childElementCount) {
      const ordered = [...tag.evidence].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
      paths.append(...ordered.map((item) => pathNode(item, tag)));
    }
    document.dispatchEvent(new CustomEvent("mmu-mark", { detail: node.open ? tag.spans : [] }));
  });
  return node;
}

function tagTitle(tag) {
  const other = { zh: tag.name.en === tag.name.zh ? "" : tag.name.en, en: tag.name.zh === tag.name.en ? "" : tag.name.zh };
  return [h("b", {}, h("bdi", {}, tag.name)), h("small", {}, h("bdi", {}, other))];
}

function tagSection() {
  if (!data.tags.length) return null;
  const axes = [...new Set(data.tags.flatMap((tag) => tag.evidence.map((item) => item.axis)))];
  const facets = [...new Set([...FACETS, ...data.tags.map((tag) => tag.facet)])];
  return h("section.card.long", { id: "tags", "aria-label": say("tags") },
    h("header", {}, h("h2", {}, say("tags")), h("span.hint", {}, say("tags_hint")),
      h("span.legend.right", {}, axes.map((axis) => h("span", { class: `axis-${axis}` }, h("span.dot"), h("span", {}, name("axis", axis)))))),
    facets.map((facet) => {
      const tags = data.tags.filter((tag) => tag.facet === facet).sort((a, b) => b.score - a.score);
      return tags.length ? h("div.facet", {}, h("h3", {}, name("facet", facet)), tags.map(tagNode)) : null;
    }));
}

function openTag(id) {
  const node = document.getElementById(`tag-${id}`);
  node.open = true;
  node.scrollIntoView({ block: "center" });
  node.querySelector("summary").focus({ preventScroll: true });
}

/** A link to a tag that opens it. */
function tagLink(id, withScore = false, kind = "token") {
  const tag = data.tags.find((item) => item.id === id);
  if (!tag) return h("span", { class: kind }, quoted(pretty(id)));
  return h("button", { type: "button", class: kind, on: { click: () => openTag(id) } }, h("bdi", {}, tag.name), withScore ? h("span.num", {}, score(tag.score)) : null);
}
