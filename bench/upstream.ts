// A provider as small as can be, for benchmarks: any code is good, everybody is one person, `/bytes/N` streams both ways.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const chunk = Buffer.alloc(64 * 1024, "x");

function json(response: ServerResponse, value: unknown): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(value));
}

function download(response: ServerResponse, bytes: number): void {
  response.setHeader("content-length", bytes);
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
      left -= part.length;
      if (!response.write(part)) {
        response.once("drain", more);
        return;
      }
    }
    response.end();
  };
  more();
}

function upload(request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0;
  request.on("data", (part: Buffer) => (bytes += part.length));
  request.on("end", () => json(response, { bytes }));
}

const server = createServer({ requestTimeout: 0 }, (request, response) => {
  const url = request.url ?? "";
  const bytes = Number(/^\/bytes\/(\d+)$/.exec(url)?.[1] ?? Number.NaN);
  if (!Number.isNaN(bytes)) return request.method === "GET" ? download(response, bytes) : upload(request, response);
  request.resume();
  if (url === "/login/oauth/access_token")
    return json(response, { access_token: "gho_bench", token_type: "bearer", scope: "repo" });
  if (url === "/user") return json(response, { id: 1, login: "bench" });
  response.statusCode = 404;
  json(response, { message: "Not Found" });
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
