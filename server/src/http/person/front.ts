// The pages that need no proof: front page, errors, stylesheet.
import { Hono } from "hono";
import type { House } from "../../flows/house.ts";
import { errorsPage } from "../../pages/errors.ts";
import { type Html, stylesheet } from "../../pages/layout.ts";
import { welcomePage } from "../../pages/welcome.ts";
import { personHeaders } from "./headers.ts";

export function mountFront(house: House, version: string): Hono {
  const app = new Hono({ strict: true });
  const show = async (body: Html): Promise<Response> =>
    new Response(String(await body), {
      headers: { ...personHeaders(house.origin), "content-type": "text/html; charset=utf-8" },
    });
  app.get("/", async () => show(welcomePage({ origin: house.origin, version })));
  app.get("/errors", async () => show(errorsPage()));
  app.get("/style.css", () => {
    const headers = {
      ...personHeaders(house.origin),
      "cache-control": "public, max-age=3600",
      "content-type": "text/css; charset=utf-8",
    };
    return new Response(stylesheet, { headers });
  });
  return app;
}
