// test/driver/bridge/stand-in-ssh.mjs - does with its arguments what ssh does: options, a host, and the rest as one line for the shell over there.
import { spawn } from 'node:child_process';

const args = process.argv.slice(2);
while (args[0]?.startsWith('-')) args.splice(0, args[0] === '-o' ? 2 : 1);
const host = args.shift();
process.stderr.write(`Warning: Permanently added '${host}' to the list of known hosts.\n`);
const child = spawn('sh', ['-c', args.join(' ')], { stdio: 'inherit' });
child.on('exit', code => process.exit(code ?? 255));
