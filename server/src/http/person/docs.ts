// `/docs`: the reference of the API, from the same document as /openapi.json, without any outside host.
import { Hono } from "hono";
import { referencePage } from "../../pages/reference.ts";
import type { ApiDocument } from "../../pages/reference-document.ts";
import { referenceStylesheet } from "../../pages/reference-style.ts";
import { personHeaders } from "./headers.ts";

export function mountDocs(origin: string, document: ApiDocument): Hono {
  const app = new Hono({ strict: true });
  // Made once, when somebody first asks: it never changes while this process runs.
  let made: Promise<string> | undefined;
  app.get("/docs", async () => {
    made ??= Promise.resolve(referencePage(document)).then(String);
    const headers = { ...personHeaders(origin), "content-type": "text/html; charset=utf-8" };
    return new Response(await made, { headers });
  });
  app.get("/docs.css", () => {
    const headers = {
      ...personHeaders(origin),
      "cache-control": "public, max-age=3600",
      "content-type": "text/css; charset=utf-8",
    };
    return new Response(referenceStylesheet, { headers });
  });
  return app;
}
