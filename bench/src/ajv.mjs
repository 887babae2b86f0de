// Ajv on Node: JSON.parse and a compiled schema for each event. Arguments: the file of events, one on
// a line; the file of schemas, an object by name. For each line that comes in it judges all events
// and prints how many a second.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import Ajv from "ajv";

const [eventsFile, schemasFile] = process.argv.slice(2);
const lines = readFileSync(eventsFile, "utf8").split("\n").filter((line) => line !== "");
const ajv = new Ajv({ strict: false });
const validators = new Map();
for (const [name, schema] of Object.entries(JSON.parse(readFileSync(schemasFile, "utf8")))) {
  // The schemas use only what all drafts share.
  delete schema.$schema;
  validators.set(name, ajv.compile(schema));
}
for await (const _ of createInterface({ input: process.stdin })) {
  const start = process.hrtime.bigint();
  let valid = 0;
  for (const line of lines) {
    const capsule = JSON.parse(line);
    if (validators.get(capsule.schema)(capsule.event)) valid += 1;
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (valid !== lines.length) throw new Error(`${lines.length - valid} events are invalid`);
  console.log(lines.length / seconds);
}
