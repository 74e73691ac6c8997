// The parts of the report's page, put where the reviewer looks for them.
const place = (id, ...nodes) => {
  const found = document.getElementById(id);
  const shown = nodes.flat().filter(Boolean);
  shown.length ? found.append(...shown) : found.remove();
};
const hitTarget = (hit) => ({
  axis: "hit", span: hit.span, box: hit.box, boxes: own(data.signals, hit.signal)?.boxes ?? [],
  label: hit.text ? both(hit.text) : hit.name, source: hit.rule,
});

place("place-player", media !== null && (media.video || media.audio) ? viewer() : null);
place("place-timeline", timeline());
place("place-more", [transcriptSection(), textSection(), tagSection(), peopleSection(), topicSection(), qualitySection(), factsSection()]);
for (const button of document.querySelectorAll("[data-hit]")) {
  button.addEventListener("click", () => {
    for (const node of document.querySelectorAll(".hits button.on")) node.classList.remove("on");
    button.classList.add("on");
    choose(hitTarget(data.moderation.hits[Number(button.dataset.hit)]));
  });
}
setLanguage(language);
tick();
