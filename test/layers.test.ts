// test/layers.test.ts - who may import whom. The table is the architecture; a new arrow is a decision, not an accident.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const app = fileURLToPath(new URL('../app', import.meta.url));

/** Folder -> folders it may import; `node:` is free where a folder runs on Node. */
const mayImport: Record<string, readonly string[]> = {
  core: [],
  driver: ['core'], emulate: ['core', 'driver'], dsp: ['core'], mqtt: ['core'], format: ['core'],
  rpc: ['core', 'format'],
  client: ['core', 'rpc/api.ts (types)'],
  web: ['client', 'core'],
  tagctl: ['core', 'client', 'driver', 'dsp', 'format'],
  daemon: ['core', 'driver', 'emulate', 'dsp', 'format', 'rpc', 'mqtt'],
};
/** npm package -> the folders or files that may import it. */
const packages: Record<string, readonly string[]> = {
  usb: ['driver/usb.ts', 'driver/usb-transfer.ts'], mqtt: ['mqtt'], capnweb: ['rpc', 'client'], ws: ['rpc'],
  commander: ['tagctl', 'daemon'], zod: ['daemon'], 'smol-toml': ['daemon'], aedes: ['daemon'], 'systemd-notify': ['daemon'],
  assemblyscript: ['tagctl/kernel-source.ts'], preact: ['web'], '@preact/signals': ['web'], uplot: ['web'],
};

interface Import { file: string; specifier: string; typeOnly: boolean }

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const found = [...text.matchAll(/^\s*(?:import|export)\s+(type\s+)?(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm)]
    .map(match => ({ file, specifier: match[2] as string, typeOnly: match[1] !== undefined }));
  const dynamic = [...text.matchAll(/(?:\bimport\(|new URL\()\s*['"](\.?[^'"]+)['"]/g)].map(match => ({ file, specifier: match[1] as string, typeOnly: false }));
  return [...found, ...dynamic];
}

const files = readdirSync(app, { recursive: true, withFileTypes: true })
  .filter(entry => entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.name.endsWith('.as.ts') && !entry.parentPath.includes('client/dist'))
  .map(entry => join(entry.parentPath, entry.name));

function complaint({ file, specifier, typeOnly }: Import): string | undefined {
  const here = relative(app, file);
  const folder = here.split('/')[0] as string;
  if (specifier.startsWith('node:')) return folder === 'core' || folder === 'client' || folder === 'web' ? `${here}: ${folder} must also run in a browser, it imports ${specifier}` : undefined;
  if (specifier.startsWith('.')) {
    const target = relative(app, resolve(dirname(file), specifier));
    const to = target.split('/')[0] as string;
    if (to === folder) return undefined;
    const allowed = mayImport[folder] ?? [];
    if (allowed.includes(to) || (typeOnly && allowed.includes(`${target} (types)`))) return undefined;
    return `${here} imports ${target}, but ${folder} may import only: ${allowed.join(', ') || 'nothing'}`;
  }
  const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
  const places = packages[name];
  if (!places) return `${here} imports the package ${name}, which no folder may`;
  return places.some(place => here === place || here.startsWith(`${place}/`)) ? undefined : `${here} imports ${name}, which is allowed only in ${places.join(', ')}`;
}

test('every import under app/ is one that the table allows', t => {
  t.true(files.length > 20, 'the files were found');
  t.deepEqual(files.flatMap(importsOf).map(complaint).filter(Boolean), []);
});

test('the check of imports finds a forbidden one', t => {
  const file = join(app, 'driver/simulated/driver.ts');
  t.regex(complaint({ file, specifier: '../../dsp/ring.ts', typeOnly: false }) ?? '', /driver may import only: core/);
  t.regex(complaint({ file, specifier: 'usb', typeOnly: false }) ?? '', /allowed only in driver\/usb\.ts/);
  t.regex(complaint({ file: join(app, 'client/index.ts'), specifier: '../rpc/api.ts', typeOnly: false }) ?? '', /client may import only/);
});

test('every folder under app/ has a row in the table', t => {
  t.deepEqual(readdirSync(app).filter(name => !(name in mayImport)), []);
});
