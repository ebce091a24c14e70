#!/usr/bin/env node
// ops/usbip-attach.mjs - attaches a USB/IP device to this Linux without the usbip package. Needs root and the module vhci_hcd.
//
//   node ops/usbip-attach.mjs [--server 127.0.0.1:3240] [--device 1-1] [--keep] [--vhci FOLDER]
//
// Asks the server for the device and hands the connection to the kernel, which enumerates what is behind it; closing it unplugs it. With --keep it
// stays and attaches the device again whenever it has left, as after a firmware upload. Runs on any Node >= 20 and uses nothing but Node.
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const exitCodes = { usage: 64, notFound: 66, unavailable: 69, protocol: 76, forbidden: 77 };
const version = 0x0111, requestImport = 0x8003, replyImport = 0x0003;
const replyBytes = 8, deviceBytes = 312, answerMs = 5000, againMs = 200;
/** A port of vhci_hcd that nobody uses, in its `status`. */
const free = '004';

class Failure extends Error {
  constructor(code, message, hint) {
    super(message);
    this.exitCode = exitCodes[code];
    this.hint = hint;
  }
}

const options = readOptions();
try {
  checkKernel(options.vhci);
  for (;;) {
    const port = await attach(options);
    console.log(`${options.device} of ${options.server} is attached, vhci port ${port}.`);
    if (!options.keep) break;
    while (!isFree(options.vhci, port)) await pause(againMs);
    console.log(`${options.device} has left; waiting for it.`);
    await pause(againMs);
  }
  // The kernel has a hold on the connection of its own.
  process.exit(0);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(`usbip-attach: ${error.message}\n              ${error.hint}`);
  process.exit(error.exitCode);
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        server: { type: 'string', default: '127.0.0.1:3240' }, device: { type: 'string', default: '1-1' }, keep: { type: 'boolean', default: false },
        vhci: { type: 'string', default: '/sys/devices/platform/vhci_hcd.0' },
      },
    });
    const [, host, port] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(values.server) ?? [];
    if (host === undefined || Number(port) > 65_535) throw new Error(`--server '${values.server}' is no HOST:PORT`);
    if (!/^\d+-[\d.]{1,24}$/.test(values.device)) throw new Error(`--device '${values.device}' is no port of a bus`);
    return { ...values, host, port: Number(port) };
  } catch (error) {
    console.error(`usbip-attach: ${error.message}.\n              node ops/usbip-attach.mjs [--server 127.0.0.1:3240] [--device 1-1] [--keep] [--vhci FOLDER]`);
    process.exit(exitCodes.usage);
  }
}

function checkKernel(vhci) {
  if (!existsSync(join(vhci, 'attach'))) {
    throw new Failure('unavailable', `Cannot attach: this kernel has no virtual USB bus, ${vhci}/attach is missing.`, "Run 'sudo modprobe vhci-hcd'. Where that module is not found, this Linux cannot do it.");
  }
  try {
    accessSync(join(vhci, 'attach'), constants.W_OK);
  } catch {
    throw new Failure('forbidden', `Cannot attach: this user may not write ${vhci}/attach.`, 'Run it as root, with sudo.');
  }
}

/** @returns the number of the port that it has now */
async function attach({ server, host, port, device, vhci, keep }) {
  for (let said = '';;) {
    const reply = await ask(host, port, device).catch(error => {
      if (!keep || !error.mayPass) throw error;
      if (error.message !== said) console.log(`${error.message} It is tried again.`);
      said = error.message;
    });
    if (!reply) {
      await pause(againMs);
      continue;
    }
    const { socket, info } = reply;
    // Bytes 288 to 299: bus, number, speed. What is faster than high speed has ports of its own.
    const deviceId = (info.readUInt32BE(288) << 16 | info.readUInt32BE(292)) >>> 0, speed = info.readUInt32BE(296);
    const vhciPort = freePort(vhci, speed >= 5 ? 'ss' : 'hs');
    try {
      writeFileSync(join(vhci, 'attach'), `${vhciPort} ${socket._handle.fd} ${deviceId} ${speed}`);
    } catch (error) {
      throw new Failure('unavailable', `Cannot attach ${device} of ${server}: the kernel refused it with ${error.code}.`, "'dmesg | tail' says more.");
    }
    socket.destroy();
    return vhciPort;
  }
}

/** The rows of `status`: hub, port, state, ... */
function portsOf(vhci) {
  return readFileSync(join(vhci, 'status'), 'latin1').split('\n').slice(1).map(row => row.trim().split(/\s+/)).filter(row => row.length >= 3);
}

function freePort(vhci, hub) {
  const row = portsOf(vhci).find(([kind, , state]) => kind === hub && state === free);
  if (!row) throw new Failure('unavailable', 'Cannot attach: every port of the virtual bus is taken.', "Detach one: 'usbip port' lists them, 'usbip detach -p N' ends one.");
  return Number(row[1]);
}

function isFree(vhci, port) { return portsOf(vhci).some(([, number, state]) => Number(number) === port && state === free); }

/** Asks for the device; the socket that comes back is no longer read. */
async function ask(host, port, device) {
  const where = `${device} from ${host}:${port}`;
  const socket = connect({ host, port, noDelay: true, keepAlive: true });
  const failed = (code, what, hint, mayPass = false) => {
    socket.destroy();
    return Object.assign(new Failure(code, `Cannot attach ${where}: ${what}.`, hint), { mayPass });
  };
  const { promise, resolve, reject } = Promise.withResolvers?.() ?? withResolvers();
  const timer = setTimeout(() => { reject(failed('unavailable', `no answer came within ${answerMs / 1000} s`, 'Is it a USB/IP server?')); }, answerMs);
  socket.on('error', error => { reject(failed('unavailable', error.code === 'ECONNREFUSED' ? 'nobody listens there' : error.message, "Start it: 'tagd emulate --model umass --usbip'.", true)); });
  socket.on('close', () => { reject(failed('protocol', 'the server closed the connection', 'Is it a USB/IP server?', true)); });
  socket.on('connect', () => {
    const request = Buffer.alloc(8 + 32);
    request.writeUInt16BE(version, 0);
    request.writeUInt16BE(requestImport, 2);
    request.write(device, 8, 31, 'latin1');
    socket.write(request);
  });
  let got = Buffer.alloc(0);
  socket.on('data', chunk => {
    got = Buffer.concat([got, chunk]);
    if (got.length < replyBytes) return;
    const status = got.readUInt32BE(4);
    if (got.readUInt16BE(2) !== replyImport) reject(failed('protocol', 'what answers there is no USB/IP server', 'Check --server.'));
    else if (status === 2) reject(failed('unavailable', 'it is attached already, here or elsewhere', "Detach it: 'usbip port' lists what is attached here, 'usbip detach -p N' ends one.", true));
    else if (status !== 0) reject(failed('notFound', `the server does not export it (status ${status})`, "Check --device; 'usbip list -r HOST' lists what there is.", true));
    else if (got.length >= replyBytes + deviceBytes) {
      // From here on the kernel reads; a byte that Node took would be lost.
      socket._handle.readStop();
      resolve({ socket, info: got.subarray(replyBytes) });
    }
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** For Node 20. */
function withResolvers() {
  let resolve, reject;
  const promise = new Promise((good, bad) => {
    resolve = good;
    reject = bad;
  });
  return { promise, resolve, reject };
}
