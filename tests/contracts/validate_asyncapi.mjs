// Reads an AsyncAPI document on standard input; prints what the public parser finds, as JSON.
import { Parser } from "@asyncapi/parser";
import { readFileSync } from "node:fs";

const { document, diagnostics } = await new Parser().parse(readFileSync(0, "utf8"));
console.log(
  JSON.stringify({
    version: document?.version() ?? null,
    channels: document?.channels().all().length ?? 0,
    messages: document?.messages().all().length ?? 0,
    found: diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path: path.join("/") })),
  }),
);
