// Data blocks, the two languages, and building elements. Text only ever enters through textContent.
const block = (name) => JSON.parse(document.getElementById(`data-${name}`).textContent);
const strings = block("strings");
const data = block("report");
const source = block("player");

let language = data.first_language ?? (/^zh\b/i.test(navigator.language ?? "") ? "zh" : "en");
const bound = []; // [node, {zh, en}, attribute or null]: what changes with the language

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
const pretty = (value) => {
  const text = String(value).replace(/^.*[:/](?=.)/, "").replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
};
const own = (table, key) => (table && Object.hasOwn(table, key) ? table[key] : null);

/** A string of the page in both languages; values may be bilingual too. */
function say(key, values = {}) {
  const pair = strings.ui[key];
  const pick = (tongue) => Object.fromEntries(Object.entries(values).map(([k, v]) => [k, v?.[tongue] ?? v]));
  return { zh: fill(pair[0], pick("zh")), en: fill(pair[1], pick("en")) };
}

/** The name of a coded value; an unknown code is shown as it is, made readable. */
function name(group, value) {
  const pair = own(strings[group], value);
  return pair ? { zh: pair[0], en: pair[1] } : { zh: pretty(value), en: pretty(value) };
}
const both = (text) => ({ zh: String(text), en: String(text) });
const isPair = (value) => value !== null && typeof value === "object" && "zh" in value && "en" in value;
const inLanguage = (value) => (isPair(value) ? value[language] : String(value));

function bind(node, pair, attribute = null) {
  bound.push([node, pair, attribute]);
  attribute ? node.setAttribute(attribute, pair[language]) : (node.textContent = pair[language]);
}

function setLanguage(next) {
  language = next;
  document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
  for (const [node, pair, attribute] of bound) {
    attribute ? node.setAttribute(attribute, pair[next]) : (node.textContent = pair[next]);
  }
}

/**
 * An element. Properties: `class`, `on: {event: fn}`, `style: {property: value}`, anything else is
 * an attribute (bilingual where its value is). Children: nodes, strings, bilingual texts, null.
 */
function h(tag, properties = {}, ...children) {
  const [kind, ...classes] = tag.split(".");
  const node = document.createElement(kind);
  node.classList.add(...classes);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") node.classList.add(...value.split(" ").filter(Boolean));
    else if (key === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (key === "style") for (const [k, v] of Object.entries(value)) node.style.setProperty(k, v);
    else if (isPair(value)) bind(node, value, key);
    else node.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(3)) {
    if (child === null || child === undefined || child === false) continue;
    if (isPair(child) && children.flat(3).length === 1) bind(node, child);
    else if (isPair(child)) { const part = document.createElement("span"); bind(part, child); node.append(part); }
    else node.append(child);
  }
  return node;
}

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
const icon = (...paths) =>
  svg("svg", { viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": 1.8, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" },
    ...paths.map((d) => svg("path", { d })));

/** Text that came from outside: isolated, in its own direction and, where known, its own language. */
const quoted = (text, tongue = null) => h("bdi", { dir: "auto", lang: tongue }, String(text));

/** Seconds as 0:07, 1:02:03; with tenths when asked. */
function clock(seconds, tenths = false) {
  const whole = Math.max(0, seconds);
  const rounded = tenths ? Math.floor(whole * 10) / 10 : Math.floor(whole);
  const s = rounded % 60;
  const m = Math.floor(rounded / 60) % 60;
  const hours = Math.floor(rounded / 3600);
  const tail = tenths ? s.toFixed(1).padStart(4, "0") : String(s).padStart(2, "0");
  return hours ? `${hours}:${String(m).padStart(2, "0")}:${tail}` : `${m}:${tail}`;
}
/** A time range in whole seconds that covers all of it: 12.2–17.8 s is 0:12–0:18. */
const range = (start, end) => {
  const last = Math.min(Math.ceil(end - 0.05), Math.max(1, Math.ceil(data.duration || end)));
  return last <= Math.floor(start) ? clock(start) : `${clock(start)}–${clock(last)}`;
};
const duration = (seconds) => ({
  zh: seconds >= 60 ? `${Math.floor(seconds / 60)} 分 ${Math.round(seconds % 60)} 秒` : `${+seconds.toFixed(1)} 秒`,
  en: seconds >= 60 ? `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s` : `${+seconds.toFixed(1)} s`,
});
const percent = (value) => `${(100 * value).toFixed(2)}%`;
const score = (value) => value.toFixed(2);
function bytes(n) {
  const step = n < 1 ? 0 : Math.min(4, Math.floor(Math.log(n) / Math.log(1024)));
  return `${(n / 1024 ** step).toFixed(step ? 1 : 0)} ${["B", "KB", "MB", "GB", "TB"][step]}`;
}
const tone = (value) => (value >= 70 ? "tone-good" : value >= 45 ? "tone-warn" : "tone-bad");
