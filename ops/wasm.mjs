// ops/wasm.mjs - compiles the AssemblyScript kernels; each module is one entry that re-exports its files.
//
// The memory is imported and shared, so several modules and threads work on the same tags. Modules hold no static data.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from 'assemblyscript/asc';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = [
  { entry: 'app/dsp/kernels/index.as.ts', out: 'app/dsp/kernels/kernels.wasm' },
  { entry: 'app/driver/decode/index.as.ts', out: 'app/driver/decode/decode.wasm' },
];

for (const { entry, out } of modules) {
  if (!existsSync(root + entry) || isFresh(entry, out)) continue;
  const { error, stderr } = await main([
    entry, '--outFile', out, '-O3', '--noAssert', '--runtime', 'stub', '--memoryBase', '1024',
    '--importMemory', '--sharedMemory', '--initialMemory', '16', '--maximumMemory', '65536',
    '--enable', 'simd', '--enable', 'threads', '--baseDir', root,
  ]);
  if (error) {
    process.stderr.write(stderr.toString());
    process.exit(70);
  }
  console.log(`wasm: ${out} ${statSync(root + out).size} bytes`);
}

function isFresh(entry, out) {
  if (!existsSync(root + out)) return false;
  const built = statSync(root + out).mtimeMs;
  const folder = root + dirname(entry);
  return readdirSync(folder).every(name => !name.endsWith('.as.ts') || statSync(`${folder}/${name}`).mtimeMs <= built);
}
