// rpc/origin.ts - which web pages may open a connection, and by which names the box may be called.
//
// A page elsewhere can make a browser connect to us: its Origin gives it away. And it can point a name of its own at our
// address, so that the origin looks right: then the Host is a name that is not ours. Addresses in figures cannot be forged so.
import { isIP } from 'node:net';

/** @param names further names of the box, lower case */
export function isOurHost(header: string | undefined, names: readonly string[]): boolean {
  if (header === undefined) return false;
  const host = hostOf(header);
  return host === 'localhost' || isIP(host) !== 0 || names.includes(host);
}

/** No Origin: not a browser. Otherwise the page must come from this box, or from an origin that was allowed. */
export function isOurOrigin(origin: string | undefined, host: string | undefined, allowed: readonly string[]): boolean {
  if (origin === undefined || allowed.includes(origin)) return true;
  try {
    const url = new URL(origin);
    return (url.protocol === 'http:' || url.protocol === 'https:') && host !== undefined && url.host === new URL(`${url.protocol}//${host}`).host;
  } catch {
    return false;
  }
}

function hostOf(header: string): string { return header.toLowerCase().replace(/:\d+$/, '').replace(/^\[|\]$/g, '').replace(/\.$/, ''); }
