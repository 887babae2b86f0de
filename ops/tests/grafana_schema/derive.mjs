// Writes grafana-10.4.json and grafana-13.json: what derive.ts says, for the oldest and the newest
// Grafana of which the types are published, without the comments of the types.
import { readFileSync, writeFileSync, mkdirSync, rmSync } from 'node:fs';
import { createGenerator } from 'ts-json-schema-generator';

// In 10.4 the type of a query is written small.
const RELEASES = { 'grafana-10.4': 'prometheus.dataquery', 'grafana-13': 'prometheus.Dataquery' };

// Came after 10.4, and has a default: the types demand it all the same, Grafana does not.
const DEFAULTED = ['percentChangeColorMode'];

function bare(schema) {
    if (Array.isArray(schema)) return schema.map(bare);
    if (schema === null || typeof schema !== 'object') return schema;
    const kept = Object.entries(schema).filter(([name, value]) =>
        !(['description', 'deprecated', '$comment'].includes(name) && typeof value !== 'object'));
    return Object.fromEntries(kept.map(([name, value]) => [
        name,
        name === 'required' && Array.isArray(value) ? value.filter((member) => !DEFAULTED.includes(member)) : bare(value),
    ]));
}

for (const [release, query] of Object.entries(RELEASES)) {
    const work = `node_modules/.derive-${release}`;
    mkdirSync(work, { recursive: true });
    const source = readFileSync('derive.ts', 'utf8').replaceAll("'grafana/", `'${release}/`).replace('QUERY', query);
    writeFileSync(`${work}/derive.ts`, source);
    writeFileSync(`${work}/tsconfig.json`, JSON.stringify({
        compilerOptions: { strict: true, module: 'esnext', moduleResolution: 'bundler', target: 'es2022' },
        include: ['derive.ts'],
    }));
    const generator = createGenerator({
        path: `${work}/derive.ts`,
        tsconfig: `${work}/tsconfig.json`,
        type: 'Landfall',
        // Types of several panels have one name.
        expose: 'none',
    });
    const schema = bare(generator.createSchema('Landfall'));
    const units = await import(`${release}/units`);
    const named = [...new Set(Object.values(units).filter((unit) => typeof unit === 'string'))];
    const about = {
        $comment: `Derived from the package @grafana/grafana-foundation-sdk (Apache-2.0, Grafana Labs), version ${
            JSON.parse(readFileSync(`node_modules/${release}/package.json`, 'utf8')).version}; see derive.ts`,
        'x-units': named.sort(),
    };
    writeFileSync(`${release}.json`, `${JSON.stringify({ ...about, ...schema })}\n`);
    rmSync(work, { recursive: true });
}
