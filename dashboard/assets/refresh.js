// Keeps an open page fresh, and shows times in the viewer's zone. A page is whole without it.
"use strict";
(() => {
  const GAP_MS = 200; // least time between two fetches, so that a burst of changes is one
  const RETRY_MS = 2000; // after a fetch that failed
  const ANSWER_MS = 10000; // an answer that takes longer is given up
  const AGES_MS = 1000; // ages are written anew this often

  const badge = document.getElementById("live");
  let shown = Number(document.body.dataset.change);
  let newest = shown;
  let stream = null;
  let busy = false;

  // Times.

  const now = new Date();
  const format = (options) => new Intl.DateTimeFormat(undefined, options);
  const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const day = { day: "numeric", month: "short" };
  const thisYear = format({ ...day, ...clock });
  const otherYear = format({ ...day, year: "numeric", ...clock });

  function span(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    if (s < 60) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min`;
    const two = (n) => String(n).padStart(2, "0");
    if (s < 86400) return `${Math.floor(s / 3600)} h ${two(Math.floor(s / 60) % 60)} min`;
    return `${Math.floor(s / 86400).toLocaleString("en")} d ${Math.floor(s / 3600) % 24} h`;
  }

  const until = (seconds) => (seconds < 1 ? "any moment" : `in about ${span(seconds)}`);

  function writeTime(time) {
    const at = new Date(time.dateTime);
    const age = span((Date.now() - at) / 1000);
    let text = "";
    if (time.className === "ago") text = `${age} ago`;
    else if (time.className === "since") text = age;
    else if (time.className === "until") text = until((at - Date.now()) / 1000);
    else text = (at.getFullYear() === now.getFullYear() ? thisYear : otherYear).format(at);
    if (time.textContent !== text) time.textContent = text;
  }

  const writeTimes = (root) => root.querySelectorAll("time").forEach(writeTime);
  const writeAges = () => document.querySelectorAll("time.ago, time.since, time.until").forEach(writeTime);

  // Fresh content.

  function tell(state, words) {
    badge.hidden = false;
    badge.className = `live ${state}`;
    badge.textContent = words;
  }

  const sources = new WeakMap(); // what each part was made from
  const parts = (root) => [...root.querySelectorAll("[data-live]")];

  function replace(old, fresh) {
    const open = new Map([...old.querySelectorAll("details[id]")].map((part) => [part.id, part.open]));
    for (const part of fresh.querySelectorAll("details[id]")) {
      if (open.has(part.id)) part.open = open.get(part.id);
    }
    const source = fresh.innerHTML;
    if (sources.get(old) === source) return;
    sources.set(old, source);
    writeTimes(fresh);
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const href = focused && focused.getAttribute("href");
    const scrolled = [...old.querySelectorAll(".scroll")].map((part) => part.scrollLeft);
    old.replaceChildren(...fresh.childNodes);
    window.licdash.prepare(old);
    old.querySelectorAll(".scroll").forEach((part, at) => { part.scrollLeft = scrolled[at] || 0; });
    if (href) {
      const again = [...old.querySelectorAll("a[href]")].find((link) => link.getAttribute("href") === href);
      if (again) again.focus({ preventScroll: true });
    }
  }

  async function refresh() {
    if (busy || newest <= shown) return;
    busy = true;
    let wait = GAP_MS;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const change = Number(page.body.dataset.change);
      const fresh = new Map(parts(page).map((part) => [part.id, part]));
      const old = parts(document);
      if (!change) throw new Error("not a page of ours");
      if (fresh.size !== old.length || old.some((part) => !fresh.has(part.id))) return location.reload();
      for (const part of old) replace(part, fresh.get(part.id));
      shown = change;
    } catch {
      wait = RETRY_MS;
    } finally {
      setTimeout(() => { busy = false; refresh(); }, wait);
    }
  }

  // The stream of changes.

  function connect() {
    if (stream || document.hidden) return;
    stream = new EventSource("/api/v1/stream");
    let isFirst = true;
    stream.onopen = () => { isFirst = true; tell("on", "Live"); };
    stream.addEventListener("change", (event) => {
      newest = Number(event.data);
      // Numbers grow while licdash runs. A first one that is smaller is of a licdash started under a clock set back.
      if (isFirst && newest < shown) shown = 0;
      isFirst = false;
      refresh();
    });
    stream.onerror = () => {
      tell("lost", "Connection lost, trying again");
      if (stream.readyState === EventSource.CLOSED) {
        disconnect();
        setTimeout(connect, RETRY_MS);
      }
    };
  }

  function disconnect() {
    if (stream) stream.close();
    stream = null;
  }

  // A browser holds six connections to one site: a hidden page gives its own back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) disconnect();
    else { writeAges(); connect(); }
  });
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", connect);

  writeTimes(document);
  setInterval(() => { if (!document.hidden) writeAges(); }, AGES_MS);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  document.getElementById("zone").textContent =
    `Times are in your zone, ${zone}; hover over one to see it as its license server wrote it.`;
  connect();
})();
