// What people come for: who holds a seat, what became of a denial, a list to send to somebody, all of it by keyboard or without
// scripts, and a page that lives through a restart of licdash.
// usage: node tasks.mjs ADDRESS   ("away" is printed when licdash is to be stopped, "back" when it is to be started again)
import { browser, check, open, tell } from "./driver.mjs";

const [address] = process.argv.slice(2);
const [FEATURE, HOLDER] = ["CAC-MCE", "alindqvist"];

async function whoHoldsASeat(context) {
  const page = await open(context, address, "/");
  await page.getByLabel("Search").fill("cac-m");
  await page.keyboard.press("Enter");
  await page.locator("#found").getByRole("link", { name: FEATURE }).click();
  await page.locator("h1", { hasText: FEATURE }).waitFor();
  await page.locator("#seats").getByRole("link", { name: HOLDER }).first().click();
  await page.locator("h1", { hasText: HOLDER }).waitFor();
  check(await page.locator("#held").getByText(FEATURE).count(), "the page of who holds a seat does not show it");
  await page.close();
}

async function whatBecameOfADenial(context) {
  const page = await open(context, address, "/");
  await page.getByRole("link", { name: "All denials" }).click();
  const feature = await page.locator("#denials td[data-label=Feature] a").first().textContent();
  await page.locator("#denials td[data-label=Feature] a").first().click();
  await page.getByRole("link", { name: "All denials of it" }).click();
  await page.waitForURL(/denials\?/);
  const named = await page.locator("#denials td[data-label=Feature] a").allTextContents();
  check(named.length && named.every((name) => name === feature), `the denials of ${feature} are of ${named}`);
  await page.close();
}

async function aListForSomebodyElse(context) {
  const page = await open(context, address, "/sessions?state=all");
  await page.locator(".filter").getByLabel("Feature").fill(FEATURE);
  await page.getByRole("button", { name: "Filter" }).click();
  await page.waitForURL(/feature=CAC-MCE/);
  const rows = await page.locator("#sessions tbody tr").count();
  const other = await browser.newContext();
  const shared = await open(other, address, new URL(page.url()).pathname + new URL(page.url()).search);
  check(rows > 1 && await shared.locator("#sessions tbody tr").count() === rows, "a shared address shows other rows");
  await other.close();
  const csv = await (await context.request.get(new URL(await page.locator(".head .export a").first().getAttribute("href"), page.url()).href)).text();
  const lines = csv.trimEnd().split("\r\n");
  check(lines.length === rows + 1 && lines[0].startsWith("id,server,feature,"), `the CSV has ${lines.length} lines for ${rows} rows`);
  await page.getByRole("button", { name: "User" }).click();
  const users = await page.locator("#sessions td.key a").allTextContents();
  const sorted = [...users].sort((one, other) => one.toLowerCase().localeCompare(other.toLowerCase(), undefined, { numeric: true }));
  check(users.join() === sorted.join(), `sorted by user: ${users}`);
  check(await page.locator("th[aria-sort=ascending]").count() === 1, "the head does not say that it sorts");
  await page.close();
}

async function byKeyboard(context) {
  const page = await open(context, address, "/");
  await page.keyboard.press("Tab");
  check(await page.evaluate(() => document.activeElement.className) === "skip", "the first key does not reach `Skip to content`");
  await page.keyboard.press("Enter");
  check(await page.evaluate(() => document.activeElement.id) === "main", "skipping does not reach the content");
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((name) => document.activeElement.textContent === name, FEATURE)) break;
  }
  await page.keyboard.press("Enter");
  await page.locator("h1", { hasText: FEATURE }).waitFor();
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.matches("svg.plot"))) break;
  }
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowLeft");
  const read = await page.locator(".readout").textContent();
  check(/mean [\d.]+, peak \d+/.test(read), `the chart reads "${read}"`);
  await page.close();
}

async function withoutScripts() {
  const context = await browser.newContext({ javaScriptEnabled: false });
  for (const [path, part] of [["/", "#features"], ["/sessions", "#sessions"], ["/users", "#users"], ["/events", "#events"], [`/features/catia/${FEATURE}`, "table.heat"]]) {
    const page = await open(context, address, path);
    check(await page.locator(`${part} tbody tr`).count(), `${path}: without scripts there are no rows`);
    await page.close();
  }
  await context.close();
}

async function licdashIsAway(context) {
  const page = await open(context, address, "/sessions", /Failed to load|ERR_|net::/);
  await page.locator("#live.on").waitFor();
  await page.evaluate(() => { window.sameDocument = true; });
  console.log("away");
  await page.locator("#live.lost").waitFor({ timeout: 20_000 });
  check(await page.locator("#sessions tbody tr").count(), "the rows are gone with licdash");
  console.log("back");
  await page.locator("#live.on").waitFor({ timeout: 20_000 });
  check(await page.evaluate(() => window.sameDocument === true), "the page was loaded again");
  await page.close();
}

await tell(async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  await whoHoldsASeat(context);
  await whatBecameOfADenial(context);
  await aListForSomebodyElse(context);
  await byKeyboard(context);
  await withoutScripts();
  await licdashIsAway(context);
});
