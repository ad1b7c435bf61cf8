// What happens is seen without a reload: a new session appears, the queue moves on when a tool ends.
// usage: node story.mjs ADDRESS   ("ready" is printed when the page is open; then a session is appended; "waits" when the queue
// is open and somebody waits; then the tool ends whose seats he waits for)
import { browser, check, open, tell } from "./driver.mjs";

const [address] = process.argv.slice(2);
const USER = "alindqvist";
const isSame = (page) => page.evaluate(() => window.sameDocument === true);

await tell(async () => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const sessions = await open(context, address, "/sessions");
  check(!await sessions.getByText(USER).count(), "/sessions: the session is there before it began");
  await sessions.evaluate(() => { window.sameDocument = true; });
  console.log("ready");
  await sessions.getByText(USER).first().waitFor({ timeout: 20_000 });
  console.log("seen");
  check(await isSame(sessions), "/sessions: the page was loaded again");
  const queue = await open(context, address, "/queue");
  await queue.evaluate(() => { window.sameDocument = true; });
  await queue.getByText("first job").waitFor();
  await queue.getByText("next", { exact: true }).waitFor();
  const held = await queue.locator("time.since").first().textContent();
  await queue.waitForFunction((text) => document.querySelector("time.since").textContent !== text, held);
  console.log("waits");
  await queue.getByText("second job").waitFor({ timeout: 20_000 });
  check(!await queue.getByText("next", { exact: true }).count(), "/queue: who holds the seat still waits");
  check(!await queue.getByText("first job").count(), "/queue: what has ended is still held");
  console.log("moved");
  check(await isSame(queue), "/queue: the page was loaded again");
});
