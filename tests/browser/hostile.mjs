// Whatever names and reasons are made of, they are text: no script of theirs runs, no page breaks, no table takes a formula.
// usage: node hostile.mjs ADDRESS PATH...   Goes on from these pages to those they link to.
import { browser, check, open, tell, wrong } from "./driver.mjs";

const [address, ...paths] = process.argv.slice(2);
const PAGES_MAX = 45;
const LISTS = ["sessions", "denials", "events", "users", "hosts", "features", "servers", "queue", "expiry"];
// Tabs and line feeds are between elements; everything else that acts must be shown, not sent.
const ACTS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;

function cells(csv) {
  return [...csv.matchAll(/(?:^|,|\r\n)(?:"((?:[^"]|"")*)"|([^,\r\n]*))/g)].map((match) => match[1] ?? match[2] ?? "");
}

await tell(async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const seen = new Set(paths);
  const left = [...paths];
  let visited = 0;
  while (left.length && visited < PAGES_MAX) {
    const path = left.shift();
    visited += 1;
    const page = await open(context, address, path);
    await page.locator("#live.on").waitFor();
    const found = await page.evaluate(() => ({
      hacked: window.hacked !== undefined,
      scripts: [...document.scripts].filter((script) => !script.src).length,
      handlers: [...document.querySelectorAll("*")].filter((node) => [...node.attributes].some(({ name }) => name.startsWith("on") || name === "style")).length,
      links: [...document.querySelectorAll("a[href]")].map((link) => link.getAttribute("href")),
      text: document.documentElement.outerHTML,
    }));
    if (found.hacked || found.scripts || found.handlers) wrong.push(`${path}: ${JSON.stringify({ ...found, links: 0, text: 0 })}`);
    check(!ACTS.test(found.text), `${path}: a raw control character`);
    for (const href of found.links) {
      check(/^(\/|#|$)/.test(href), `${path}: a link to ${href}`);
      if (href.startsWith("/") && !href.startsWith("/api/") && !seen.has(href)) {
        seen.add(href);
        // Every kind of page soon, then more of each.
        if (left.length < 2000) left.splice(Math.floor(left.length * ((visited * 7919) % 100) / 100), 0, href);
      }
    }
    await page.close();
  }
  check(visited > 40, `only ${visited} pages were found`);
  for (const list of LISTS) {
    const answer = await context.request.get(`http://${address}/api/v1/${list}?format=csv${["features", "servers", "expiry"].includes(list) ? "" : "&limit=1000"}`);
    const csv = await answer.text();
    check(!ACTS.test(csv.replaceAll("\r\n", "")), `${list}.csv: a raw control character`);
    const formula = cells(csv).find((cell) => /^\s*[=+@\t\r|%]|^\s*-(?![\d.]+$)/.test(cell));
    check(formula === undefined, `${list}.csv: a formula: ${formula}`);
  }
  console.log(`${visited} pages`);
});
