// What a person meets, in a real browser: by mouse, by keyboard, without script, on a telephone, in the dark.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { type Chromium, hasChromium, type Page, type PageOptions, startChromium } from "./support/chromium.ts";
import { openHouse, type TestHouse } from "./support/house.ts";
import { makeConnection, makeLink } from "./support/person.ts";

const required = process.env["BEHALF_TEST_REQUIRE_SERVICES"] === "1";
const skip = hasChromium() || required ? false : "THERE IS NO /usr/bin/chromium: what a person sees is NOT tested";
/** Where pictures go, for somebody who wants to look at them. */
const pictures = process.env["BEHALF_TEST_PICTURES"];
if (pictures !== undefined) mkdirSync(pictures, { recursive: true });

/** Runs in the page: every text whose contrast with what is behind it is below 4.5 (WCAG 2.2, 1.4.3). */
const faintTexts = `(() => {
  const parse = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return { r, g, b, a }; };
  const part = (value) => { const v = value / 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const light = ({ r, g, b }) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const behind = (node) => { for (let at = node; at; at = at.parentElement) { const found = parse(getComputedStyle(at).backgroundColor); if (found.a === 1) return found; } return parse(getComputedStyle(document.documentElement).colorScheme.includes("dark") && matchMedia("(prefers-color-scheme: dark)").matches ? "rgb(18,18,18)" : "rgb(255,255,255)"); };
  const faint = [];
  for (const node of document.querySelectorAll("body *")) {
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(node.tagName + " " + node.textContent.trim().slice(0, 30) + " " + ratio.toFixed(2));
  }
  return faint;
})()`;

const outline = `(() => {
  const level = (node) => Number(node.tagName.slice(1));
  const headings = [...document.querySelectorAll("h1,h2,h3,h4")].map(level);
  return {
    lang: document.documentElement.lang, title: document.title, headings,
    mains: document.querySelectorAll("main").length,
    outside: [...document.body.children].filter((node) => !["MAIN", "HEADER", "FOOTER", "NAV"].includes(node.tagName)).length,
    scripts: document.scripts.length, inline: document.querySelectorAll("[style],style").length,
    unnamed: [...document.querySelectorAll("a,button")].filter((node) => !node.innerText.trim()).length,
    small: [...document.querySelectorAll("a.button,button")].filter((node) => node.getBoundingClientRect().height < 24).length,
    unscoped: document.querySelectorAll("th:not([scope])").length,
    wide: document.documentElement.scrollWidth - innerWidth, viewport: document.querySelector("meta[name=viewport]")?.content ?? "",
  };
})()`;

interface Outline {
  readonly [fact: string]: number | string | readonly number[];
  readonly headings: readonly number[];
}

describe("pages in a browser", { skip }, () => {
  let house: TestHouse;
  let chromium: Chromium;
  let people = 0;
  const pages: Page[] = [];

  before(async () => {
    chromium = await startChromium();
    house = await openHouse();
    for (const login of ["octo", "mona", "lone"]) house.fake.user({ login });
    await makeConnection(house, { more: { settings: { app_slug: "test-app" } } });
    house.fake.installation({ clientId: "Iv1.test", account: "octo", repositories: "all" });
  });
  after(async () => {
    await chromium.close();
    await house.close();
  });

  async function newPage(options: PageOptions = {}): Promise<Page> {
    const page = await chromium.page(options);
    pages.push(page);
    return page;
  }

  async function newLink(body: Record<string, unknown> = {}): Promise<string> {
    people += 1;
    return makeLink(house, `person_${people}`, body);
  }

  async function arrive(page: Page, login: string, answer = "1"): Promise<void> {
    await page.open(await newLink());
    assert.match(await page.text(), /Authorize/);
    await page.click(`input[value="${login}"]`);
    await page.leads(async () => page.click(`button[value="${answer}"]`));
  }

  /** What every page of ours keeps, wide and narrow, light and dark. */
  async function inspect(page: Page, name: string): Promise<void> {
    for (const dark of [false, true]) {
      await page.dark(dark);
      for (const [width, height] of [
        [1000, 800],
        [360, 740],
      ] as const) {
        await page.resize(width, height);
        const about = `${name} ${width} ${dark ? "dark" : "light"}`;
        if (pictures !== undefined) await page.picture(`${pictures}/${about.replaceAll(" ", "-")}.png`);
        assert.deepEqual(await page.run<string[]>(faintTexts), [], about);
        const { headings, title, viewport, ...facts } = await page.run<Outline>(outline);
        assert.deepEqual(
          { ...facts, wide: Math.max(0, Number(facts["wide"])) },
          { lang: "en", mains: 1, outside: 0, scripts: 0, inline: 0, unnamed: 0, small: 0, unscoped: 0, wide: 0 },
          about,
        );
        assert.match(String(title), /^.+ · Behalf$/, about);
        assert.match(String(viewport), /width=device-width/);
        assert.doesNotMatch(String(viewport), /user-scalable=no|maximum-scale/);
        assert.deepEqual([headings[0], headings.filter((level) => level === 1).length], [1, 1], about);
        assert.equal(
          headings.every((level, at) => at === 0 || level - (headings[at - 1] ?? 0) <= 1),
          true,
          about,
        );
      }
    }
    await page.dark(false);
    await page.resize(1000, 800);
  }

  /** Presses Tab until the focus is there, and looks whether one can see that it is. */
  async function focus(page: Page, selector: string): Promise<void> {
    for (let presses = 0; presses < 15; presses += 1) {
      await page.press("Tab");
      const there = `document.activeElement.matches(${JSON.stringify(selector)})`;
      if (!(await page.run<boolean>(there))) continue;
      const ours = (await page.run<string>("location.origin")) === house.origin;
      const ring = await page.run<string>(
        "(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle + ' ' + s.outlineWidth; })()",
      );
      if (ours) assert.match(ring, /^(solid|auto) [2-9]/, `the focus on ${selector} cannot be seen: ${ring}`);
      return;
    }
    assert.fail(`Tab never came to ${selector}`);
  }

  test("a person opens the link, says yes by mouse and is told that it is done", async () => {
    const page = await newPage();
    await arrive(page, "octo");
    assert.equal((await page.run<string>("location.href")).startsWith(`${house.origin}/oauth/callback`), true);
    assert.match(await page.text(), /GitHub connected[\s\S]*octo[\s\S]*all repositories[\s\S]*close this tab/);
    await inspect(page, "connected");
    const { json } = await house.call("GET", `/v1/connections/github/accounts/person_${people}`);
    assert.equal(json.status, "ACTIVE");
  });

  test("the same by keyboard alone", async () => {
    const page = await newPage();
    await page.open(await newLink());
    await focus(page, 'button[value="1"]');
    await page.leads(async () => page.press("Enter"));
    assert.match(await page.text(), /GitHub connected/);
  });

  test("the same without script, on a telephone", async () => {
    const page = await newPage({ script: false, width: 360, height: 740 });
    await arrive(page, "octo");
    assert.match(await page.text(), /GitHub connected/);
    assert.equal(await page.run<number>("document.documentElement.scrollWidth"), 360);
  });

  test("where the App is not installed the page says so, offers it, and looks again", async () => {
    const page = await newPage();
    await arrive(page, "lone");
    assert.match(await page.text(), /One step is left[\s\S]*Install the GitHub App/);
    await inspect(page, "not-installed");
    const install = await page.run<string>('document.querySelector("a.button").href');
    assert.equal(install, `${house.fake.web}/apps/test-app/installations/new`);
    await focus(page, "a.button.plain");
    await page.leads(async () => page.press("Enter"));
    assert.match(await page.text(), /One step is left/);
    house.fake.installation({ clientId: "Iv1.test", account: "lone", repositories: "all" });
    house.fake.clock.advance(3_000);
    await page.leads(async () => page.click("a.button.plain"));
    const text = await page.text();
    assert.match(text, /Where it may work[\s\S]*lone/);
    assert.doesNotMatch(text, /One step is left/);
    await inspect(page, "installed-now");
  });

  test("who says no is told that nothing was connected", async () => {
    const page = await newPage();
    await arrive(page, "mona", "0");
    assert.match(await page.text(), /said no[\s\S]*Nothing was connected[\s\S]*What to do/);
    await inspect(page, "denied");
    const { json } = await house.call("GET", `/v1/connections/github/accounts/person_${people}`);
    assert.equal(json.status, "PENDING");
  });

  test("a link that was used, and one that never was, are told apart from nothing but themselves", async () => {
    const page = await newPage();
    const link = await newLink();
    await page.open(link);
    await page.leads(async () => page.click('button[value="1"]'));
    assert.match(await page.text(), /GitHub connected/);
    await page.open(link);
    const spent = await page.text();
    assert.match(spent, /spent or has expired[\s\S]*What to do[\s\S]*start again/);
    assert.equal(spent.includes("link_spent"), true);
    await inspect(page, "spent");
    await page.open(`${house.origin}/connect/never-was`);
    const unknown = await page.text();
    const anonymous = (text: string): string => text.replaceAll(/rqr_[0-9a-f]+/g, "rqr");
    assert.equal(anonymous(unknown), anonymous(spent));
  });

  test("an answer that nobody asked for fails in words, with a number to mention", async () => {
    const page = await newPage();
    await page.open(`${house.origin}/oauth/callback?code=x&state=${"y".repeat(2000)}<script>alert(1)</script>`);
    assert.match(await page.text(), /What to do[\s\S]*rqr_[0-9a-f]{32}/);
    await inspect(page, "failed");
  });

  test("an authorization that another browser started is refused in this one", async () => {
    const [mine, theirs] = [await newPage(), await newPage()];
    await mine.open(await newLink());
    const authorize = await mine.run<string>("location.href");
    await theirs.open(authorize);
    await theirs.leads(async () => theirs.click('button[value="1"]'));
    assert.match(await theirs.text(), /another browser[\s\S]*Nothing was connected/);
    await inspect(theirs, "another-browser");
  });

  test("whoever comes as another person than the one who is connected changes nothing", async () => {
    const page = await newPage();
    await arrive(page, "octo");
    await page.open(await makeLink(house, `person_${people}`));
    await page.click('input[value="mona"]');
    await page.leads(async () => page.click('button[value="1"]'));
    const text = await page.text();
    assert.match(text, /Another person is connected here[\s\S]*Nothing was changed[\s\S]*What to do/);
    assert.equal(text.includes("account_mismatch"), true);
    await inspect(page, "another-person");
    const { json } = await house.call("GET", `/v1/connections/github/accounts/person_${people}`);
    assert.deepEqual([json.status, json.provider_user.login], ["ACTIVE", "octo"]);
  });

  test("the person goes back to the application that sent them", async () => {
    await house.call("PATCH", "/v1/connections/github", { body: { verify_url_origins: [house.origin] } });
    const page = await newPage();
    const errors = `${house.origin}/errors?from=✓é`;
    await page.open(await newLink({ return_url: errors }));
    await page.click('input[value="octo"]');
    await page.leads(async () => page.click('button[value="1"]'));
    assert.equal(await page.run<string>("location.href"), new URL(errors).href);
  });

  test("the front page and the errors", async () => {
    const page = await newPage();
    await page.open(`${house.origin}/`);
    assert.match(await page.text(), new RegExp(`${house.origin}/oauth/callback`));
    await inspect(page, "front");
    await focus(page, 'a[href="/errors"]');
    await page.leads(async () => page.press("Enter"));
    assert.match(await page.text(), /link_spent[\s\S]*410/);
    await inspect(page, "errors");
    const linked = await newPage();
    await linked.open(`${house.origin}/errors#account_revoked`);
    assert.equal(await linked.run<string>("document.querySelector(':target')?.id"), "account_revoked");
  });

  test("no page ran anything, broke its own policy or asked anybody else for anything", () => {
    const ours = new Set([house.origin, house.fake.web]);
    const requested = pages.flatMap((page) => page.requested).filter((url) => !url.startsWith("data:"));
    assert.equal(requested.length > 30, true);
    assert.deepEqual(
      requested.filter((url) => !ours.has(new URL(url).origin)),
      [],
    );
    const complaints = pages.flatMap((page) => page.complaints);
    // A refusal is a 4xx page, which the browser notes; the fake's own page has no favicon.
    const noted = /Failed to load resource: the server responded with a status of 4\d\d/;
    assert.deepEqual(
      complaints.filter((text) => !noted.test(text) && !text.includes(house.fake.web)),
      [],
    );
  });
});
