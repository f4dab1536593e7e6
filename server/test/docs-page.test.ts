// The reference at `/docs`: all that the document says, as a page without script, outside host or inline style; in a real browser too.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { routes } from "../src/http/server.ts";
import { curlOf } from "../src/pages/reference-curl.ts";
import type { ApiDocument, OperationObject } from "../src/pages/reference-document.ts";
import { rowsOf } from "../src/pages/reference-schema.ts";
import { refusals } from "../src/rules/refusal.ts";
import { type Chromium, hasChromium, startChromium } from "./support/chromium.ts";
import { openHouse, type TestHouse } from "./support/house.ts";

const required = process.env["BEHALF_TEST_REQUIRE_SERVICES"] === "1";
const skip = hasChromium() || required ? false : "THERE IS NO /usr/bin/chromium: what a person sees is NOT tested";
/** Where pictures go, for somebody who wants to look at them. */
const pictures = process.env["BEHALF_TEST_PICTURES"];
if (pictures !== undefined) mkdirSync(pictures, { recursive: true });

describe("the reference page", () => {
  let house: TestHouse;
  let document: ApiDocument;
  let text: string;
  before(async () => {
    house = await openHouse();
    document = (await house.call("GET", "/openapi.json")).json as ApiDocument;
    text = (await house.call("GET", "/docs", { token: "none" })).text;
  });
  after(async () => house.close());

  test("has a place of its own for every operation of the document, and a way there from the contents", () => {
    const ids = [...text.matchAll(/<article class="operation" id="([^"]+)"/g)].map(([, id = ""]) => id);
    assert.equal(new Set(ids).size, ids.length);
    const all = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    // Doors that take any method are described once.
    const anyOnce = Object.values(document.paths).flatMap((methods) => {
      const own = Object.values(methods);
      return own[0]?.["x-any-method"] === true ? own.slice(0, 1) : own;
    });
    assert.equal(all.length > anyOnce.length && anyOnce.length > routes.length, true);
    assert.deepEqual(ids.toSorted(), anyOnce.map(({ operationId }) => operationId).toSorted());
    for (const { operationId, summary } of anyOnce) {
      assert.match(text, new RegExp(`<li><a href="#${operationId}">`), operationId);
      const [plain = ""] = summary.split("`");
      assert.equal(text.includes(plain.replaceAll("'", "&#39;").replaceAll('"', "&quot;")), true, operationId);
    }
  });

  test("links every refusal to its line of the catalogue", async () => {
    const catalogue = (await house.call("GET", "/errors", { token: "none" })).text;
    const linked = new Set([...text.matchAll(/href="\/errors#([a-z_]+)"/g)].map(([, code]) => code));
    for (const code of linked) assert.match(catalogue, new RegExp(`<tr id="${code}">`), code);
    // Those of links and of confirmation belong to pages and to one call.
    const missing = Object.keys(refusals).filter((code) => !linked.has(code));
    assert.deepEqual(
      missing.filter((code) => code !== "link_spent"),
      [],
    );
  });

  test("asks nobody else for anything, runs nothing and is told so to the browser", async () => {
    for (const path of ["/docs", "/docs.css"]) {
      const { status, headers } = await house.call("GET", path, { token: "none" });
      assert.equal(status, 200);
      assert.match(headers.get("content-security-policy") ?? "", /^default-src 'none'; style-src 'self';/);
      assert.equal(headers.get("x-content-type-options"), "nosniff");
    }
    assert.doesNotMatch(text, /<script|<iframe|<img|\son[a-z]+=|style=/i);
    const loaded = [...text.matchAll(/<link [^>]*href="([^"]*)"/g)].map(([, href]) => href);
    assert.deepEqual(loaded, ["data:,", "/style.css", "/docs.css"]);
    const led = [...text.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, href]) => href ?? "");
    assert.deepEqual(
      led.filter((href) => !/^(#|\/($|errors|openapi\.json))/.test(href)),
      [],
    );
  });

  test("nothing of the document is taken for markup", async () => {
    const { referencePage } = await import("../src/pages/reference.ts");
    const bad = "<img src=x onerror=1>`<b>`";
    const operation: OperationObject = {
      operationId: "bad",
      summary: bad,
      description: bad,
      tags: ["Tag"],
      parameters: [{ name: bad, in: "query", required: false, description: bad, schema: { enum: [bad] } }],
      responses: { "200": { description: bad, content: { [bad]: { schema: { type: "object" }, example: bad } } } },
    };
    const page = String(
      await referencePage({
        ...document,
        tags: [{ name: "Tag", description: bad }],
        paths: { "/<i>": { get: operation } },
      }),
    );
    assert.doesNotMatch(page, /<(img|b|i)>|<img/);
  });

  test("the examples are calls that a shell takes and the server understands", async () => {
    const { spawnSync } = await import("node:child_process");
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const curl = curlOf({ origin: house.origin, method, path, operation });
        // The shell prints the words it would call curl with.
        const heard = spawnSync("sh", ["-c", `curl() { printf '%s\\0' "$@"; }\n${curl}`], {
          encoding: "utf8",
          env: { TOKEN: "t", BEHALF_ADMIN_TOKEN: "t", BEHALF_METRICS_TOKEN: "t", PROJECT: "prj_1", ID: "tok_1" },
        });
        assert.deepEqual([heard.status, heard.stderr], [0, ""], curl);
        const words = heard.stdout.split("\0");
        assert.equal(
          words.some((word) => URL.canParse(word) && word.startsWith(house.origin)),
          true,
          curl,
        );
        const body = words[words.indexOf("-d") + 1];
        if (words.includes("-d")) assert.equal(typeof JSON.parse(body ?? ""), "object", curl);
      }
    }
  });

  test("a schema's members are all there, however deep", () => {
    const rows = rowsOf({
      type: "object",
      required: ["a"],
      properties: {
        a: { type: "integer", minimum: 1, maximum: 9, default: 3 },
        b: { anyOf: [{ type: "object", properties: { c: { type: ["string", "null"] } } }, { type: "null" }] },
        d: { type: "array", items: { type: "object", properties: { e: { enum: ["x", "y"], type: "string" } } } },
        f: { type: "object", additionalProperties: { type: "string" } },
      },
    });
    assert.deepEqual(
      rows.map(({ name, type, required: isRequired, notes }) => [name, type, isRequired, notes.join(" · ")]),
      [
        ["a", "integer", true, "1 to 9 · default 3"],
        ["b", "object or null", false, ""],
        ["b.c", "string or null", false, ""],
        ["d", "list of object", false, ""],
        ["d[].e", "string", false, 'one of "x", "y"'],
        ["f", "map of string", false, ""],
      ],
    );
  });
});

/** Runs in the page: every text whose contrast with what is behind it is below 4.5 (WCAG 2.2, 1.4.3). */
const faintTexts = `(() => {
  const parse = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return { r, g, b, a }; };
  const part = (value) => { const v = value / 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const light = ({ r, g, b }) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const behind = (node) => { for (let at = node; at; at = at.parentElement) { const found = parse(getComputedStyle(at).backgroundColor); if (found.a === 1) return found; } };
  const ratios = new Map();
  for (const node of document.querySelectorAll("body *")) {
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    ratios.set(node.tagName + "." + node.className, Math.min(ratios.get(node.tagName + "." + node.className) ?? 99, (a + 0.05) / (b + 0.05)));
  }
  return [...ratios].filter(([, ratio]) => ratio < 4.5).map(([kind, ratio]) => kind + " " + ratio.toFixed(2));
})()`;

describe("the reference page in a browser", { skip }, () => {
  let house: TestHouse;
  let chromium: Chromium;
  before(async () => {
    chromium = await startChromium();
    house = await openHouse();
  });
  after(async () => {
    await chromium.close();
    await house.close();
  });

  test("is readable at 360 and 1200 pixels, light and dark, without script, and asks only its own server", async () => {
    const page = await chromium.page({ script: false });
    for (const width of [360, 1200]) {
      for (const dark of [false, true]) {
        const about = `docs ${width} ${dark ? "dark" : "light"}`;
        await page.resize(width, 800);
        await page.dark(dark);
        await page.open(`${house.origin}/docs`);
        await page.run('for (const one of document.querySelectorAll(".operation details")) one.open = true');
        assert.deepEqual(await page.run<string[]>(faintTexts), [], about);
        assert.equal(await page.run<number>("document.documentElement.scrollWidth - innerWidth"), 0, about);
        // What is wider than the screen scrolls by itself, and a keyboard gets there.
        const stuck = await page.run<number>(
          '[...document.querySelectorAll("pre")].filter((one) => one.scrollWidth > one.clientWidth && one.tabIndex !== 0).length',
        );
        assert.equal(stuck, 0, about);
        const levels = await page.run<number[]>(
          '[...document.querySelectorAll("h1,h2,h3,h4")].map((one) => Number(one.tagName[1]))',
        );
        assert.equal(levels.filter((level) => level === 1).length, 1, about);
        assert.equal(
          levels.every((level, at) => at === 0 || level - (levels[at - 1] ?? 0) <= 1),
          true,
          about,
        );
      }
    }
    assert.deepEqual(page.complaints, []);
    assert.deepEqual(
      page.requested.filter((url) => !url.startsWith(house.origin) && url !== "data:,"),
      [],
    );
    if (pictures === undefined) return;
    // The whole is too long for a picture: a part of it.
    await page.run(
      'document.querySelectorAll(".operation").forEach((one) => { if (!/^(postTokens|getEndpoint)$/.test(one.id)) one.remove(); })',
    );
    for (const width of [360, 1200]) {
      await page.resize(width, 800);
      await page.picture(`${pictures}/docs-${width}.png`);
    }
  });

  test("shows the contents beside the text where there is room, and folded above it where there is none", async () => {
    const page = await chromium.page({ width: 1200, height: 800 });
    await page.open(`${house.origin}/docs`);
    const height = 'document.querySelector(".contents").getBoundingClientRect().height';
    assert.equal((await page.run<number>(height)) > 300, true);
    await page.resize(360, 740);
    assert.equal((await page.run<number>(height)) < 100, true);
  });

  test("by keyboard alone: past the contents, or into them and to an operation", async () => {
    const page = await chromium.page({ width: 1200, height: 800 });
    await page.open(`${house.origin}/docs`);
    await page.press("Tab");
    assert.equal(await page.run<string>("document.activeElement.innerText"), "Skip the contents");
    assert.equal(await page.run<boolean>("document.activeElement.getBoundingClientRect().x >= 0"), true);
    for (let tries = 0; tries < 12; tries += 1) {
      await page.press("Tab");
      if (await page.run<boolean>('document.activeElement.hash === "#postProjects"')) break;
    }
    assert.notEqual(await page.run<string>("getComputedStyle(document.activeElement).outlineStyle"), "none");
    await page.press("Enter");
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(await page.run<string>("location.hash"), "#postProjects");
    assert.equal(await page.run<boolean>('document.querySelector(":target").id === "postProjects"'), true);
  });
});
