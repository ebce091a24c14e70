// daemon/main.ts - composition root of tagd: puts line, station, servers and bridge together, in the order they need
// each other, and takes them down in the reverse order.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isTaggerError, TaggerError } from '../core/errors.ts';
import type { TaggerSource } from '../core/tagger.ts';
import { parseSource } from '../driver/open.ts';
import { Line } from '../dsp/line.ts';
import { watchEventLoop } from './blocked.ts';
import type { Config } from './config.ts';
import { welcome } from './demo.ts';
import { openHttp } from './http.ts';
import { defaultName, defaultStateFolder, openStateFolder, stationId } from './identity.ts';
import { Log } from './log.ts';
import { supervisor } from './notify.ts';
import { readInvocation, type RunOptions } from './options.ts';
import { LocalStation } from './station.ts';
import { version } from './version.ts';
