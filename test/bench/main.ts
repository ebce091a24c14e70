// test/bench/main.ts - `npm run bench`: how fast the kernels and the pipeline are on this machine. Figures and ratios,
// never a verdict. `--json` prints one document; `kernels`, `decode`, `usb`, `pipeline`, `results`
// or `bias` runs that part alone.
import { cpus } from 'node:os';
import { benchDecode } from '../driver/bench-decode.ts';
import { benchUsb } from '../driver/bench-usb.ts';
import { benchBias } from './bias.ts';
import { benchKernels } from './kernels.ts';
import { benchPipeline } from './pipeline.ts';
import { benchResults } from './results.ts';

/** `bias` is a check of 10^8 tags and runs only when it is named. */
const parts = { kernels: benchKernels, decode: benchDecode, usb: benchUsb, pipeline: benchPipeline, results: benchResults, bias: benchBias };
const json = process.argv.includes('--json');
const chosen = process.argv.slice(2).filter(argument => argument in parts) as (keyof typeof parts)[];
const machine = { node: process.version, cpu: cpus()[0]?.model.trim() ?? 'unknown', cores: cpus().length };
const results: Record<string, unknown> = { machine };

if (!json) console.log(`Node ${machine.node}, ${machine.cores} x ${machine.cpu}`);
for (const part of chosen.length > 0 ? chosen : Object.keys(parts).filter(part => part !== 'bias') as (keyof typeof parts)[]) {
  const rows = await parts[part]();
  results[part] = rows;
  if (!json) {
    console.log(`\n${part}`);
    console.table(rows.map(row => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, typeof value === 'number' ? Number(value.toPrecision(4)) : value]))));
  }
}
if (json) console.log(JSON.stringify(results, undefined, 2));
