// The first page: asks a question and shows the answer, its sources and the articles found.
// Nothing from the server is ever inserted as markup: text becomes text nodes, and <mark> becomes mark elements.

import { labels } from "/web/labels.js";

const $ = (id) => document.getElementById(id);
const percent = (share) => Math.round(share * 100);

let language = localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
let say = labels[language];
let shown = null;
let typing = null;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Languages

function speak(next) {
  language = next;
  say = labels[language];
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-label]")) node.textContent = say[node.dataset.label];
  for (const node of document.querySelectorAll("[data-aria]")) node.setAttribute("aria-label", say[node.dataset.aria]);
  for (const node of document.querySelectorAll("[data-placeholder]")) node.placeholder = say[node.dataset.placeholder];
  $("language").textContent = say.other;
  if (shown) show(shown);
}

$("language").addEventListener("click", () => {
  speak(language === "zh" ? "en" : "zh");
  localStorage.setItem("language", language);
});

// Talking to the server

class Refused extends Error {
  constructor(problem) {
    super(problem.detail ?? problem.title);
    this.code = problem.code;
  }
}

const space = () => $("space").value.trim() || "default";

async function call(method, path, body, options) {
  const headers = {};
  const key = $("key").value.trim();
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { ...options, method, headers, body: body && JSON.stringify(body) });
  const text = await response.text();
  const data = text ? JSON.parse(text) : null;
  if (!response.ok) throw new Refused(data ?? { detail: response.statusText });
  return data;
}

function complain(error) {
  if (error.name === "AbortError") return;
  const needsKey = error.code === "key_missing" || error.code === "key_invalid";
  if (needsKey) {
    $("settings").open = true;
    $("key").focus();
  }
  $("status").textContent = needsKey ? `${say.needKey} (${error.message})` : error.code ? error.message : say.offline;
  $("status").className = "error";
}

// Asking

// A tab is a conversation: its visitor counts once for a question and day, and what follows up is read with what it follows.
function conversation() {
  let id = sessionStorage.getItem("conversation");
  if (!id) {
    id = `page-${Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
    sessionStorage.setItem("conversation", id);
  }
  return id;
}

async function ask(question) {
  hideSuggestions();
  $("status").textContent = say.searching;
  $("status").className = "";
  const at = $("as-of").value ? new Date($("as-of").value).toISOString() : null;
  const search = { query: question, space: space(), limit: 10 };
  try {
    if (at) {
      // An answer is always of today; what was known then is shown as the articles found then.
      const results = await call("POST", "/v1/search", { ...search, as_of: at });
      shown = { at, space: search.space, results, answer: null, sent: ["/v1/search", { ...search, as_of: at }] };
    } else {
      const asked = { question, space: search.space };
      // The answer is on record already; the list beside it need not be.
      const [answer, results] = await Promise.all([
        call("POST", "/v1/answer", { ...asked, conversation_id: conversation() }),
        call("POST", "/v1/search", { ...search, log: false }),
      ]);
      shown = { at, space: search.space, results, answer, sent: ["/v1/answer", asked] };
    }
    $("thanks").textContent = "";
    show(shown);
  } catch (error) {
    complain(error);
  }
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = $("question").value.trim();
  if (question) ask(question);
});

// Showing

function show({ answer, results, at, sent }) {
  const degraded = [...new Set([...(answer?.degraded ?? []), ...(results.degraded ?? [])])];
  $("status").textContent = degraded.length ? say.degraded(degraded.join(", ")) : "";
  $("answer").hidden = !answer;
  if (answer) showAnswer(answer);
  $("results").hidden = false;
  const title = results.hits.length ? say.results(results.total) : say.none;
  $("results-title").textContent = at ? `${say.past}: ${title}` : title;
  $("took").textContent = say.took(results.took_ms.toFixed(1));
  $("hits").replaceChildren(...results.hits.map(hit));
  $("request").hidden = false;
  $("curl").textContent = curl(...sent);
}

function showAnswer(answer) {
  const answered = answer.status === "answered" && answer.answer;
  $("answer").classList.toggle("unanswered", !answered);
  $("answer-title").textContent = answered ? say.answer : say.unanswered;
  $("confidence").textContent = say.confidence(percent(answer.confidence));
  const lines = answered ? prose(answer.answer.text) : [element("p", {}, answer.gap_id ? say.recorded : say.notRecorded)];
  if (answer.handoff.recommended) lines.push(element("p", { className: "hint" }, say.handoff));
  $("answer-text").replaceChildren(...lines);
  $("citations").replaceChildren(...answer.citations.map(citation));
  $("feedback").hidden = !answered;
}

// The answer's Markdown, as far as sentences need it: paragraphs, lists, bold, code, and citation marks.
function prose(text) {
  const blocks = text.split(/\n{2,}/).filter((block) => block.trim());
  return blocks.map((block) => {
    const lines = block.split("\n");
    const items = lines.map((line) => line.match(/^\s*(?:[-*+]|\d+[.)])\s+(.*)$/)?.[1]);
    if (items.every((item) => item !== undefined)) {
      return element("ul", {}, ...items.map((item) => element("li", {}, ...inline(item))));
    }
    return element("p", {}, ...inline(block.replace(/^#+\s+/, "")));
  });
}

function inline(text) {
  return text.split(/(\*\*[^*]+\*\*|`[^`]+`|\[\d+\])/).map((piece) => {
    const cited = piece.match(/^\[(\d+)\]$/);
    if (cited) return citationMark(cited[1]);
    if (/^\*\*.+\*\*$/.test(piece)) return element("strong", {}, piece.slice(2, -2));
    if (/^`.+`$/.test(piece)) return element("code", {}, piece.slice(1, -1));
    return piece;
  });
}

function citationMark(index) {
  const link = element("a", { href: `#source-${index}`, className: "mark", ariaLabel: say.source(index) }, index);
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const source = $(`source-${index}`);
    if (!source) return;
    source.querySelector("details").open = true;
    source.scrollIntoView({ behavior: "smooth", block: "center" });
    source.classList.add("lit");
    setTimeout(() => source.classList.remove("lit"), 1500);
  });
  return element("sup", {}, link);
}

function citation(cited) {
  const where = [cited.title, ...cited.heading.filter((heading) => heading !== cited.title)].join(" › ");
  const summary = element("summary", {}, where, " ", chip(say.version(cited.version)));
  const details = element("details", {}, summary, element("blockquote", {}, cited.quote));
  if (safeLink(cited.url)) details.append(articleLink(cited, cited.url));
  return element("li", { id: `source-${cited.index}`, value: cited.index }, details);
}

const chip = (text) => element("span", { className: "chip" }, text);
const safeLink = (url) => /^https?:\/\//i.test(url ?? "");

// A way to an article's own page. Following it tells the server, also into a new tab (a middle click is no "click").
function articleLink(found, text) {
  const link = element("a", { href: found.url, rel: "noopener noreferrer" }, text);
  link.addEventListener("click", () => tellOpened(found.article_id));
  link.addEventListener("auxclick", (event) => event.button === 1 && tellOpened(found.article_id));
  return link;
}

function hit(found) {
  const title = safeLink(found.url) ? articleLink(found, found.title) : found.title;
  const meter = element("meter", { min: 0, max: 1, value: found.score, title: say.score(percent(found.score)) });
  const chips = [found.category, say.version(found.version), found.language, ...found.tags].filter(Boolean).map(chip);
  return element("li", {},
    element("div", { className: "row" }, element("h3", {}, title), meter),
    element("p", { className: "path" }, found.passage.heading.join(" › ")),
    found.matched_question ? element("p", { className: "hint" }, say.matched(found.matched_question)) : null,
    element("p", { className: "passage" }, ...highlighted(found.passage.html)),
    element("div", { className: "chips" }, ...chips));
}

// The API's highlighted text: <mark> is the only tag, everything else is escaped.
function highlighted(html) {
  let marked = false;
  const nodes = [];
  for (const piece of html.split(/(<\/?mark>)/)) {
    if (piece === "<mark>") marked = true;
    else if (piece === "</mark>") marked = false;
    else if (piece) nodes.push(marked ? element("mark", {}, unescape(piece)) : unescape(piece));
  }
  return nodes;
}

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&#x27;": "'", "&amp;": "&" };
function unescape(text) {
  return text.replace(/&(?:lt|gt|quot|amp|#39|#x27);/g, (entity) => ENTITIES[entity]);
}

// Feedback

// Which article a visitor opened, so that it counts for the article and as proof for a gap. Nobody waits for it: `keepalive`
// lets it arrive after the page is left, with the key (which a beacon could not carry). Only what is on record can be told
// of: today's answer is, a look into the past is not.
function tellOpened(article) {
  const about = shown.answer?.answer_id;
  if (!about) return;
  const body = { answer_id: about, article_id: article, clicked: true, space: shown.space };
  call("POST", "/v1/feedback", body, { keepalive: true }).catch(() => {});
}

for (const button of document.querySelectorAll("[data-helpful]")) {
  button.addEventListener("click", async () => {
    const body = { answer_id: shown.answer.answer_id, helpful: button.dataset.helpful === "true", space: shown.space };
    try {
      await call("POST", "/v1/feedback", body);
      $("thanks").textContent = say.thanks;
    } catch (error) {
      complain(error);
    }
  });
}

// The request, to take along; the key stays a variable.

function curl(path, body) {
  const json = JSON.stringify(body).replaceAll("'", "'\\''");
  const key = $("key").value.trim() ? " \\\n  -H \"Authorization: Bearer $ZHIYIN_KEY\"" : "";
  return `curl ${location.origin}${path}${key} \\\n  -H 'Content-Type: application/json' \\\n  -d '${json}'`;
}

$("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText($("curl").textContent);
  $("copy").textContent = say.copied;
  setTimeout(() => ($("copy").textContent = say.copy), 1500);
});

// Suggestions

function hideSuggestions() {
  clearTimeout(pause);
  typing?.abort();
  $("suggestions").hidden = true;
  $("suggestions").replaceChildren();
  $("question").setAttribute("aria-expanded", "false");
  $("question").removeAttribute("aria-activedescendant");
}

function take(text) {
  $("question").value = text;
  ask(text);
}

let pause;
$("question").addEventListener("input", () => {
  clearTimeout(pause);
  pause = setTimeout(suggest, 120);
});

async function suggest() {
  const typed = $("question").value.trim();
  typing?.abort();
  if (!typed) return hideSuggestions();
  typing = new AbortController();
  const query = new URLSearchParams({ q: typed, limit: "6", space: space() });
  try {
    const { suggestions } = await call("GET", `/v1/suggest?${query}`, null, { signal: typing.signal });
    const options = suggestions.map((suggestion, index) => {
      const option = element("li", { id: `option-${index}`, role: "option" }, suggestion.text);
      if (suggestion.text !== suggestion.title) option.append(element("small", {}, suggestion.title));
      option.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        take(suggestion.text);
      });
      option.dataset.text = suggestion.text;
      return option;
    });
    $("suggestions").replaceChildren(...options);
    $("suggestions").hidden = options.length === 0;
    $("question").setAttribute("aria-expanded", String(options.length > 0));
  } catch {
    // Without suggestions one can still ask, and asking says what is wrong.
    hideSuggestions();
  }
}

$("question").addEventListener("keydown", (event) => {
  const options = [...$("suggestions").children];
  const at = options.findIndex((option) => option.ariaSelected === "true");
  if (event.key === "Escape") return hideSuggestions();
  if (event.key === "Enter" && at >= 0) {
    event.preventDefault();
    return take(options[at].dataset.text);
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || options.length === 0) return;
  event.preventDefault();
  const next = options[(at + step + options.length + (at < 0 && step < 0 ? 1 : 0)) % options.length];
  options.forEach((option) => (option.ariaSelected = String(option === next)));
  $("question").setAttribute("aria-activedescendant", next.id);
});

$("question").addEventListener("blur", () => setTimeout(hideSuggestions, 100));

// Settings: kept for this tab only.

for (const name of ["key", "space"]) {
  $(name).value = sessionStorage.getItem(name) ?? "";
  $(name).addEventListener("input", () => sessionStorage.setItem(name, $(name).value));
}

speak(language in labels ? language : "en");

// A link may ask: /?q=…
const linked = new URLSearchParams(location.search).get("q");
if (linked) {
  $("question").value = linked;
  $("ask").requestSubmit();
}
