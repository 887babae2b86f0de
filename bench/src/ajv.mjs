// Ajv on Node: JSON.parse and a compiled schema for each event. Arguments: the file of events, one on
// a line; the file of schemas, an object by name; the number of rounds. Prints events a second, a
// line each round.
import { readFileSync } from "node:fs";
import Ajv from "ajv";

const [eventsFile, schemasFile, rounds] = process.argv.slice(2);
const lines = readFileSync(eventsFile, "utf8").split("\n").filter((line) => line !== "");
const ajv = new Ajv({ strict: false });
const validators = new Map();
for (const [name, schema] of Object.entries(JSON.parse(readFileSync(schemasFile, "utf8")))) {
  // The schemas use only what all drafts share.
  delete schema.$schema;
  validators.set(name, ajv.compile(schema));
}
for (let round = 0; round < Number(rounds); round += 1) {
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
