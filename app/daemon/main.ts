// daemon/main.ts - composition root of tagd: puts line, station, servers and bridge together in the order they need each
// other, and takes them down in the reverse order.
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../core/clock.ts';
import { isTaggerError, TaggerError, type ErrorCode } from '../core/errors.ts';
import { formatAddress } from '../core/link.ts';
import type { TaggerSource } from '../core/tagger.ts';
import { parseSource } from '../driver/open.ts';
import { Line } from '../dsp/line.ts';
import { MqttBridge } from '../mqtt/bridge.ts';
import { Audit } from '../rpc/audit.ts';
import { Grants } from '../rpc/grants.ts';
import { serveRpc } from '../rpc/server.ts';
import { ConfigError, type Config } from './config.ts';
import { demoBroker, demoSource, welcome } from './demo.ts';
import { emulate } from './emulate.ts';
import { HealthCheck } from './health.ts';
import { openHttp } from './http.ts';
import { defaultName, defaultStateFolder, holdStateFolder, openStateFolder, stationId } from './identity.ts';
import { KernelFolder } from './kernels.ts';
import { LineKeeper } from './line-keeper.ts';
import { Log } from './log.ts';
import { supervisor } from './notify.ts';
import { readInvocation, type RunOptions } from './options.ts';
import { LocalStation } from './station.ts';
import { version } from '../core/version.ts';

const log = new Log();
/** Connections get this long to end by themselves. */
const stopWithinMs = 5_000;
/** A USB tagger that is there is open by then; the others are waited for with the servers running. */
const firstLookMs = 4_000;

async function run({ config, demo, printLink }: RunOptions): Promise<void> {
  await using owned = new AsyncDisposableStack();
  const stateFolder = config.state ?? defaultStateFolder(process.env, demo);
  openStateFolder(stateFolder);
  owned.use(await holdStateFolder(stateFolder));
  const kernels = new KernelFolder(stateFolder);
  const station = new LocalStation({ id: stationId(stateFolder), name: config.name ?? defaultName(), version, startedAt: new Date().toISOString() }, kernels, log);
  const grants = await Grants.open(stateFolder, systemClock);
  const audit = await Audit.open(stateFolder, systemClock, error => { log.error(error.message, { hint: error.hint }); });
  owned.defer(() => audit.settled());

  const health = new HealthCheck(() => lines, { absent: () => keeper?.reason });
  const lines: Line[] = [];
  let keeper: LineKeeper<Line> | undefined;
  const { server, port } = await openHttp({
    ...config.listen, names: [station.info.id, `${station.info.id}.local`], pageFolder: pageFolder(), alive: () => health.alive(), ready: () => health.ready(),
  });
  const page = `http://${formatAddress(config.listen.host, port)}/`;
  owned.defer(() => new Promise<void>(resolve => {
    server.close(() => { resolve(); });
    server.closeAllConnections();
  }));

  const named = await sourceOf(config, demo);
  // Firmware is the operator's: it lies with what else is his.
  const source: TaggerSource = named.kind === 'usb' ? { firmware: join(stateFolder, 'firmware'), ...named } : named;
  const take = (line: Line): void => {
    owned.use(line);
    lines.push(line);
    line.onEvent(event => { station.emit(event); });
    station.add(line);
    station.emit({ kind: 'state', taggerId: line.id });
    log.info(`tagd ${version} serves ${line.status().info.model} ${line.status().info.serial}`, { station: station.info.id, page });
  };
  const open = (): Promise<Line> => Line.open({ ...lineOptions(config, source), kernelModule: name => kernels.read(name) });
  if (source.kind === 'usb') {
    // It may be plugged in later; until then there is a station without a tagger.
    const looked = Promise.withResolvers<void>();
    const waiting = new LineKeeper({
      open, onLine: take, onAbsent: reason => {
        log.warning(`waiting for the tagger: ${reason}`);
        looked.resolve();
      },
    });
    keeper = waiting;
    owned.defer(() => { waiting.close(); });
    const running = waiting.run();
    await Promise.race([running, looked.promise, new Promise(resolve => { setTimeout(resolve, firstLookMs); })]);
    running.catch((error: unknown) => { log.error(error instanceof Error ? error.stack ?? error.message : String(error)); });
  } else take(await open());
  const rpc = owned.use(serveRpc(server, {
    station, grants, audit, address: { host: config.listen.host, port },
    onInternal: error => { log.error(error instanceof Error ? error.stack ?? error.message : String(error)); },
  }));

  const broker = demo && config.mqtt.url === undefined ? await demoBroker(log) : undefined;
  if (broker) owned.defer(() => broker.close());
  const brokerUrl = config.mqtt.url ?? broker?.url;
  if (brokerUrl !== undefined) {
    const bridge = new MqttBridge(station, mqttOptions(config, brokerUrl, page));
    bridge.start();
    owned.defer(() => bridge.stop());
  }

  health.begin();
  const notify = supervisor();
  const [first] = lines;
  notify.ready(first ? `Serving ${first.status().info.model} on ${page}` : `Waiting for a tagger, serving ${page}`);
  if (notify.periodMs !== undefined) owned.adopt(setInterval(() => { if (health.alive().ok) notify.alive(); }, notify.periodMs), clearInterval);
  if (!first) log.info(`tagd ${version} serves ${page} without a tagger`, { station: station.info.id, page });
  if (printLink || demo) {
    // Good until the daemon ends, and stored nowhere: a link that lasts is made with `tagctl share`.
    const { link, webLink } = rpc.links(grants.temporarySecret(grants.root.id));
    if (printLink) console.log(`link: ${link}`);
    if (demo && first) console.log(welcome({ status: first.status(), link, webLink, page, brokerUrl: brokerUrl ?? 'none', topic: `${config.mqtt.base_topic}/${station.info.id}` }));
  }
  await untilTold();
  log.info('stopping');
  setTimeout(() => {
    log.error(`not stopped within ${stopWithinMs} ms; leaving as it is`);
    process.exit(70);
  }, stopWithinMs).unref();
}

async function sourceOf({ tagger }: Config, demo: boolean): Promise<TaggerSource> {
  if (demo && tagger.source === 'simulated') return demoSource(log);
  const source = parseSource(tagger.source);
  if (tagger.speed === undefined) return source;
  if (source.kind !== 'replay') throw new TaggerError('usage', `Cannot set the speed of '${tagger.source}': only a recording has one.`, { hint: 'Leave out --speed, or name a recording with --tagger replay:FILE.' });
  return { ...source, speed: tagger.speed };
}

function lineOptions(config: Config, source: TaggerSource): Parameters<typeof Line.open>[0] {
  const { free_run: freeRun, ring_blocks: ringSlots, block_tags: maxBlockTags, kernel, workers } = config.tagger;
  return {
    id: 'main', source, freeRun, ingestWorker: new URL('./ingest.worker.ts', import.meta.url), dspWorkers: workers ?? Math.max(1, availableParallelism() - 1),
    ...(ringSlots === undefined ? {} : { ringSlots }), ...(maxBlockTags === undefined ? {} : { maxBlockTags }), ...(kernel === undefined ? {} : { kernel }),
  };
}

function mqttOptions({ mqtt }: Config, url: string, apiUrl: string): ConstructorParameters<typeof MqttBridge>[1] {
  return { url, username: mqtt.username, password: mqtt.password_file === undefined ? undefined : readPassword(mqtt.password_file), baseTopic: mqtt.base_topic, ratesEveryMs: mqtt.rates_seconds * 1000, apiUrl };
}

function readPassword(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new TaggerError('not-found', `Cannot read the MQTT password from ${file}: ${(cause as Error).message}.`, {
      cause, hint: 'Check mqtt.password_file in the configuration.',
    });
  }
}

/** The page as built: beside the bundle, or in dist/ when the sources run as they are. */
function pageFolder(): string | undefined {
  return ['../web', '../../dist/web'].map(path => fileURLToPath(new URL(path, import.meta.url))).find(folder => existsSync(`${folder}/main.js`));
}

/** Resolves with the first signal; the second one ends the process where it stands. */
async function untilTold(): Promise<void> {
  await new Promise<void>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        process.once(signal, () => { process.exit(130); });
        resolve();
      });
    }
  });
}

/** sysexits.h */
const exitCodes: Partial<Record<ErrorCode, number>> = {
  usage: 64, protocol: 65, 'not-found': 66, unavailable: 69, 'device-lost': 69, unsupported: 69, busy: 75, forbidden: 77,
};

function fail(error: unknown): number {
  if (!isTaggerError(error)) {
    log.error(error instanceof Error ? error.stack ?? error.message : String(error));
    return 70;
  }
  process.stderr.write(`tagd: ${error.message}\n${error.hint === undefined ? '' : `      ${error.hint}\n`}`);
  return error instanceof ConfigError ? 78 : exitCodes[error.code] ?? 70;
}

try {
  const invocation = readInvocation(process.argv.slice(2));
  if ('print' in invocation) console.log(invocation.print);
  else if ('run' in invocation) await run(invocation.run);
  else if ('emulate' in invocation) await emulate(invocation.emulate, log, untilTold);
  else process.exitCode = invocation.exitCode;
} catch (error) {
  process.exitCode = fail(error);
}
