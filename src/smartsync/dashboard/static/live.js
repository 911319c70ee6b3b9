// Keeps an open page up: where the relayer remembers something new, the page is asked for again, and what differs is
// put in its place, so that the focus, the scroll, what is typed and what is open stay. Without this it is reloaded.

const ASK_AT_LEAST_MS = 30_000; // ages go on, also where nothing happens
const ASK_AT_MOST_MS = 1_000;
const AGAIN_MS = 3_000;
const link = document.getElementById("link");
const said = document.getElementById("said");
let shown = document.body.dataset.version;
let verdict = document.querySelector(".verdict")?.textContent.trim();
let isKept = true;
let asking = false;
let again = false;
let askedAt = Date.now();

function tell(text, isLost) {
  if (isLost && !isKept) return; // since when stays as it was
  link.hidden = false;
  if (link.textContent !== text) link.textContent = text;
  link.classList.toggle("lost", isLost);
  isKept = !isLost;
}

function clock() {
  return `${new Date().toISOString().slice(11, 19)} UTC`;
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id || null : null);

function isAlike(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);
}

function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  // What somebody opened, chose or is reading off stays as it is.
  const kept = old.nodeName === "DETAILS" ? ["open"] : [];
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !kept.includes(name) && name !== "class") old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !kept.includes(name) && !old.matches(".bar.at")) old.setAttribute(name, value);
  }
  if (old.matches("input, select, [data-readout]")) return;
  children(old, fresh);
}

function children(old, fresh) {
  const byKey = new Map([...old.children].filter(keyOf).map((child) => [keyOf(child), child]));
  let at = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const key = keyOf(next);
    let match = key ? byKey.get(key) : at;
    if (match && match.parentNode === old && isAlike(match, next)) {
      if (match === at) at = at.nextSibling;
      else old.insertBefore(match, at);
      morph(match, next);
    } else {
      old.insertBefore(document.adoptNode(next), at);
      if (key && next.classList) next.classList.add("fresh");
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

async function ask() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    const wait = askedAt + ASK_AT_MOST_MS - Date.now();
    if (wait > 0) await new Promise((done) => setTimeout(done, wait));
    askedAt = Date.now();
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (answer.status === 401 || answer.redirected) {
      location.reload();
      return;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!fresh.body.dataset.version) throw new Error("no page");
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(part.id);
      if (next) morph(part, next);
    }
    document.title = fresh.title;
    shown = fresh.body.dataset.version;
    const now = document.querySelector(".verdict")?.textContent.trim();
    if (now !== verdict) said.textContent = verdict = now;
    if (source.readyState === EventSource.OPEN) tell("live", false);
  } catch {
    tell(`not kept up since ${clock()}: what is shown is old`, true);
  } finally {
    asking = false;
    if (again) {
      again = false;
      ask();
    }
  }
}

let source;

function listen() {
  source = new EventSource("/events");
  source.addEventListener("version", (event) => {
    if (event.data !== shown) ask();
    else tell("live", false);
  });
  source.addEventListener("open", () => tell("live", false));
  source.addEventListener("error", () => {
    tell(`connection lost at ${clock()}: what is shown is old`, true);
    // Where the answer was an error the browser does not try again by itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN_MS);
  });
}

if (shown) {
  listen();
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  setInterval(() => {
    if (!document.hidden && Date.now() - askedAt >= ASK_AT_LEAST_MS) ask();
  }, 5_000);
}

// A choice in the filter counts at once, without its button.
document.addEventListener("change", (event) => {
  const form = event.target.closest?.("form[data-filter]");
  if (form && event.target.matches("select")) form.requestSubmit();
});

// One stop of the tab key for a chart; the arrows go from bar to bar and say what each is.
function point(chart, bar) {
  chart.querySelector(".bar.at")?.classList.remove("at");
  bar.classList.add("at");
  chart.closest("figure").querySelector("[data-readout]").textContent = bar.dataset.told;
}

document.addEventListener("keydown", (event) => {
  const chart = event.target.closest?.("[data-chart]");
  if (!chart) return;
  const bars = [...chart.querySelectorAll(".bar")];
  const at = bars.findIndex((bar) => bar.classList.contains("at"));
  const to = { ArrowRight: at + 1, ArrowLeft: at < 0 ? bars.length - 1 : at - 1, Home: 0, End: bars.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  point(chart, bars[Math.max(0, Math.min(bars.length - 1, to))]);
});

document.addEventListener("pointerover", (event) => {
  const bar = event.target.closest?.(".bar");
  if (bar) point(bar.closest("[data-chart]"), bar);
});
