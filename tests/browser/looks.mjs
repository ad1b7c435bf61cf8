// How pages look: light and dark, wide and on a phone, nothing runs over the edge, and nothing that a reader with other senses
// would miss. usage: node looks.mjs ADDRESS PICTURE_FOLDER PATH...   (- takes no pictures)
import { mkdirSync, writeFileSync } from "node:fs";
import { browser, inspect, open, tell, wrong } from "./driver.mjs";

const [address, shots, ...paths] = process.argv.slice(2);
// Each width and each theme is inspected once; pictures are taken of all four.
const INSPECTED = [[1440, "light"], [390, "dark"]];
const PICTURED = shots === "-" ? [] : [[1440, "dark"], [390, "light"]];
const HEIGHT_MAX = 1800; // of a picture: what is further down looks the same

async function picture(page, file) {
  const { width, height } = await page.evaluate(() => ({ width: innerWidth, height: document.documentElement.scrollHeight }));
  const session = await page.context().newCDPSession(page);
  const clip = { x: 0, y: 0, width, height: Math.min(height, HEIGHT_MAX), scale: width > 1000 ? 0.75 : 1 };
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 55, captureBeyondViewport: true, clip });
  writeFileSync(file, Buffer.from(data, "base64"));
}

await tell(async () => {
  if (shots !== "-") mkdirSync(shots, { recursive: true });
  for (const [width, colorScheme] of [...INSPECTED, ...PICTURED]) {
    const isInspected = INSPECTED.some(([w, scheme]) => w === width && scheme === colorScheme);
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    for (const path of paths) {
      const page = await open(context, address, path);
      await page.locator("#live.on").waitFor();
      const name = `${path.split("?")[0].split("/").filter(Boolean)[0] ?? "overview"}${path.split("?")[0].split("/").length > 2 ? "-one" : ""}`;
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) wrong.push(`${path}: ${wide} px wide on ${width}`);
      if (isInspected) await inspect(page, `${path} ${width} ${colorScheme}`);
      if (shots !== "-") await picture(page, `${shots}/${name}-${width}-${colorScheme}.webp`);
      await page.close();
    }
    await context.close();
  }
});
