// What a browser sees of licdash: a new session appears without a reload, the queue moves on when a tool ends, and nothing
// is wrong or asked of anybody else.
// usage: node story.mjs ADDRESS SCREENSHOT_FOLDER   ("ready" is printed when the page is open; then a session is appended;
// "waits" when the queue is open and somebody waits; then the tool ends whose seats he waits for)
import { chromium } from "playwright-core";
import { mkdirSync } from "node:fs";

const [address, shots] = process.argv.slice(2);
const PAGES = ["/", "/sessions", "/denials", "/servers", "/features", "/queue"];
const WIDTHS = [1440, 390];
const USER = "alindqvist";
const wrong = [];

mkdirSync(shots, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

async function open(context, path) {
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) wrong.push(`${path}: console: ${message.text()}`);
  });
  page.on("pageerror", (error) => wrong.push(`${path}: ${error}`));
  page.on("request", (request) => {
    if (new URL(request.url()).host !== address) wrong.push(`${path}: asks ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) wrong.push(`${path}: ${response.status()} ${response.url()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective}`));
  });
  await page.goto(`http://${address}${path}`, { waitUntil: "domcontentloaded" });
  return page;
}

try {
  const context = await browser.newContext({ viewport: { width: WIDTHS[0], height: 900 } });
  const sessions = await open(context, "/sessions");
  if (await sessions.getByText(USER).count()) throw new Error("the session is there before it began");
  await sessions.evaluate(() => { window.sameDocument = true; });
  console.log("ready");
  await sessions.getByText(USER).first().waitFor({ timeout: 20_000 });
  console.log("seen");
  if (!await sessions.evaluate(() => window.sameDocument === true)) wrong.push("/sessions: the page was loaded again");
  const queue = await open(context, "/queue");
  await queue.evaluate(() => { window.sameDocument = true; });
  await queue.getByText("first job").waitFor();
  await queue.getByText("next", { exact: true }).waitFor();
  const held = await queue.locator("time.since").first().textContent();
  await queue.waitForFunction((text) => document.querySelector("time.since").textContent !== text, held);
  console.log("waits");
  await queue.getByText("second job").waitFor({ timeout: 20_000 });
  if (await queue.getByText("next", { exact: true }).count()) wrong.push("/queue: who holds the seat still waits");
  if (await queue.getByText("first job").count()) wrong.push("/queue: what has ended is still held");
  console.log("moved");
  if (!await queue.evaluate(() => window.sameDocument === true)) wrong.push("/queue: the page was loaded again");
  await context.close();

  for (const width of WIDTHS) {
    for (const colorScheme of ["light", "dark"]) {
      const look = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
      for (const path of PAGES) {
        const page = await open(look, path);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        if (wide > width) wrong.push(`${path}: ${wide} px wide on ${width}`);
        const name = path === "/" ? "overview" : path.slice(1);
        await page.screenshot({ path: `${shots}/${name}-${width}-${colorScheme}.png`, fullPage: true });
        await page.close();
      }
      await look.close();
    }
  }

  const plain = await browser.newContext({ javaScriptEnabled: false });
  const page = await open(plain, "/sessions");
  if (!await page.getByText(USER).count()) wrong.push("/sessions: without JavaScript the session is not shown");
  await plain.close();
} catch (error) {
  wrong.push(String(error));
} finally {
  await browser.close();
}

for (const line of wrong) console.error(line);
process.exit(wrong.length ? 1 : 0);
