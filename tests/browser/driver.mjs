// What every story needs: a browser, pages whose every complaint is written down, and an end that tells them.
import { chromium } from "playwright-core";
import { readFileSync } from "node:fs";

const AXE = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

export const wrong = [];

export const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

// A page at an address. Whatever it says, asks of others or does not get is wrong, but for what `expected` matches.
export async function open(context, address, path, expected = null) {
  const page = await context.newPage();
  const tell = (text) => { if (!expected?.test(text)) wrong.push(`${path}: ${text}`); };
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) tell(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => tell(String(error)));
  page.on("dialog", (dialog) => { tell(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => {
    if (new URL(request.url()).host !== address) tell(`asks ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) tell(`${response.status()} ${response.url()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective}`));
  });
  await page.goto(`http://${address}${path}`, { waitUntil: "domcontentloaded" });
  return page;
}

export function check(holds, sentence) {
  if (!holds) wrong.push(sentence);
}

// What a reader with other senses would miss.
export async function inspect(page, name) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate((rules) => window.axe.run(document, { runOnly: rules }), RULES);
  for (const { id, nodes } of violations) {
    wrong.push(`${name}: axe ${id}: ${nodes.slice(0, 3).map((node) => `${node.target} ${node.any[0]?.message ?? ""}`).join("; ")}`);
  }
}

// Runs a story, closes the browser, tells what is wrong.
export async function tell(story) {
  try {
    await story();
  } catch (error) {
    wrong.push(String(error.stack ?? error));
  }
  await browser.close();
  for (const line of wrong.slice(0, 60)) console.error(line);
  process.exit(wrong.length ? 1 : 0);
}
