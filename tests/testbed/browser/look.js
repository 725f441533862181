// Looks at every page of the dashboard with a real browser: in three widths, light and dark, with and without script, by
// keyboard alone. Fails on whatever axe finds of WCAG 2.2 AA, on whatever the browser complains of, and on a page that is
// wider than its window. With SHOTS set, leaves a picture of each in that folder.
"use strict";
const { chromium } = require("playwright-core");
const { readFileSync } = require("node:fs");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [browserPath, url, password, ...paths] = process.argv.slice(2);
const shots = process.env.SHOTS;
const faults = [];
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

async function signIn(page) {
  await page.goto(`${url}/`);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1 }).waitFor();
  if (page.url() !== `${url}/`) throw new Error(`signed in, and at ${page.url()}`);
}

async function inspect(page, name) {
  // the page's own policy lets no script in: the driver evaluates it
  await page.evaluate(axe);
  const found = await page.evaluate((tags) => axe.run(document, { runOnly: tags }), TAGS);
  for (const one of found.violations) {
    for (const node of one.nodes) faults.push(`${name}: ${one.id}: ${node.target}: ${node.failureSummary}`);
  }
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wider > 0) faults.push(`${name}: it is ${wider} px wider than its window`);
  // what is cut off at the edge of a card is not seen, though the page is no wider
  const cut = await page.evaluate(() => [...document.querySelectorAll(".scroll")]
    .map((one) => [one.getAttribute("aria-label"), one.scrollWidth - one.clientWidth]).filter(([, more]) => more > 0));
  for (const [what, more] of cut) faults.push(`${name}: ${more} px of "${what}" are cut off`);
  if (shots) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
}

function listen(page, name) {
  page.on("console", (message) => {
    // the page that says so is asked for on purpose
    const isWanted = message.location().url.endsWith("/databases/none") && message.text().includes("404");
    if (["error", "warning"].includes(message.type()) && !isWanted) faults.push(`${name}: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`${name}: ${error}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(`${url}/`)) faults.push(`${name}: it asks for ${request.url()}`);
  });
}

async function everyPage(browser) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [390, 768, 1440]) {
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
      const page = await context.newPage();
      const at = `${width}-${colorScheme}`;
      listen(page, at);
      await page.goto(`${url}/`);
      await inspect(page, `sign-in-${at}`);
      await signIn(page);
      for (const path of ["/", ...paths]) {
        await page.goto(`${url}${path}`);
        const name = path === "/" ? "overview" : path.replace(/^\//, "").replace(/[^a-z0-9]+/gi, "-").slice(0, 40);
        await inspect(page, `${name}-${at}`);
      }
      await context.close();
    }
  }
}

async function byKeyboard(browser) {
  const context = await browser.newContext({ viewport: { width: 390, height: 900 } });
  const page = await context.newPage();
  listen(page, "keyboard");
  await page.goto(`${url}/`);
  const focused = () => page.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.name);
  const tabTo = async (wanted) => {
    for (let n = 0; n < 40; n++) {
      await page.keyboard.press("Tab");
      if ((await focused()) === wanted) return;
    }
    throw new Error(`no ${wanted} by the keyboard`);
  };
  await page.keyboard.press("Tab");
  if ((await focused()) !== "Skip to the content") faults.push("keyboard: the first stop is no way to the content");
  await tabTo("password");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await page.waitForURL(`${url}/`);
  await tabTo("Back up now");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  if (outline === "none") faults.push("keyboard: what has the focus is not seen");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: /^Back up/ }).waitFor();
  await tabTo("Cancel");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${url}/databases/*`);
  await tabTo("Sign out");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await context.close();
}

async function withoutScript(browser) {
  const context = await browser.newContext({ viewport: { width: 390, height: 900 }, javaScriptEnabled: false });
  const page = await context.newPage();
  listen(page, "without script");
  await signIn(page);
  await page.goto(`${url}/databases/main`);
  await page.getByRole("link", { name: "Back up now" }).click();
  await page.getByRole("button", { name: "Back up now" }).click();
  for (let n = 0; n < 100 && (await page.getByText("It goes on.").count()) > 0; n++) {
    await page.waitForTimeout(200);
    await page.getByRole("link", { name: "Look again" }).click();
  }
  await page.getByText("are in the bucket").waitFor();
  await page.getByRole("link", { name: "Show it" }).click();
  await page.getByRole("heading", { name: "Get it back" }).waitFor();
  await page.getByRole("link", { name: "Hold" }).click();
  await page.getByLabel("Why").fill("looked at by a test");
  await page.getByRole("button", { name: "Hold" }).click();
  await page.waitForTimeout(500);
  await page.goto(`${url}/databases/main?status=held`);
  await page.getByText("looked at by a test").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await context.close();
}

// A page loads itself again only where that takes nobody's place away, and not for ever.
async function sparesWhoReads(browser) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.clock.install();
  listen(page, "loads itself again");
  await signIn(page);
  await page.goto(`${url}/`);
  const isLoadedAgain = async (seconds) => {
    await page.evaluate(() => { window.isKept = true; });
    await page.clock.fastForward(seconds * 1000);
    await page.waitForTimeout(2000);
    return page.evaluate(() => !window.isKept);
  };
  const expect = async (what, wanted, seconds = 61) => {
    if ((await isLoadedAgain(seconds)) !== wanted) faults.push(`loads itself again: ${what}: it should ${wanted ? "" : "not "}have`);
  };
  await expect("nobody reads it", true);
  await page.getByRole("link", { name: "main", exact: true }).focus();
  await expect("a link has the focus", false);
  await page.evaluate(() => { document.activeElement.blur(); getSelection().selectAllChildren(document.querySelector("h1")); });
  await expect("a text is chosen", false);
  await page.evaluate(() => getSelection().removeAllRanges());
  await expect("it is left alone again", true);
  await expect("nobody has touched it for two hours", false, 7200);
  await page.mouse.move(10, 10);
  await expect("somebody is there again", true);
  await context.close();
}

(async () => {
  const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  try {
    await everyPage(browser);
    await byKeyboard(browser);
    await sparesWhoReads(browser);
    await withoutScript(browser);
  } finally {
    await browser.close();
  }
  for (const fault of faults) console.log(fault);
  process.exit(faults.length === 0 ? 0 : 1);
})().catch((error) => {
  for (const fault of faults) console.log(fault);
  console.log(String(error));
  process.exit(1);
});
