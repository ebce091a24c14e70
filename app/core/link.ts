// core/link.ts - a grant as text: tagd://host:port/#secret[.fingerprint], or the same with https:// for a browser.
//
// The secret stands in the fragment, which no browser sends and no server logs. The address is a hint: the same link
// works through any tunnel. Error messages never repeat the secret.
import { TaggerError } from './errors.ts';

export const defaultPort = 7433;

export interface Link {
  host: string;
  port: number;
  /** base64url; the daemon makes 256 bits, 43 characters. */
  secret: string;
  /** SHA-256 of the server's public key (SPKI), base64url; with it TLS is pinned. */
  fingerprint?: string;
  /** Plain WebSocket: only on loopback, and never with a fingerprint. */
  plain: boolean;
}

const hint = 'A link looks like tagd://HOST:PORT/#SECRET, or https://HOST:PORT/#SECRET; `share` makes one.';

/** @throws {TaggerError} `usage` that says what is wrong, without the secret */
export function parseLink(text: string): Link {
  const refuse = (why: string): TaggerError => new TaggerError('usage', `Cannot use this link: ${why}.`, { hint });
  if (typeof text !== 'string' || text.trim() === '') throw refuse('it is empty');
  const match = /^([a-z]+):\/\/([^/#?\s]+)\/?(\?[^#\s]*)?(?:#(\S*))?$/i.exec(text.trim());
  if (!match) throw refuse('it is not an address with a # and a secret');
  const [, scheme = '', authority = '', query, fragment = ''] = match;
  const kind = scheme.toLowerCase();
  if (!['tagd', 'https', 'http'].includes(kind)) throw refuse(`it begins with ${kind}://, not with tagd:// or https://`);
  if (query !== undefined) throw refuse('it has a ? part, and a secret must not stand there');
  if (authority.includes('@')) throw refuse('it names a user in front of an @');
  const { host, port } = parseAddress(authority, kind === 'https' ? 443 : kind === 'http' ? 80 : defaultPort);
  if (fragment === '') throw refuse('the secret after the # is missing');
  const [secret = '', fingerprint, ...rest] = fragment.split('.');
  if (!/^[A-Za-z0-9_-]{22,86}$/.test(secret)) throw refuse('the secret after the # is not 22 or more characters of A-Z a-z 0-9 _ -; was it cut off?');
  if (rest.length > 0 || (fingerprint !== undefined && !/^[A-Za-z0-9_-]{43}$/.test(fingerprint))) throw refuse('the fingerprint after the secret is damaged');
  const loopback = isLoopback(host);
  if (kind === 'http' && !loopback) throw refuse(`http:// is not encrypted and works on loopback only, not with ${host}`);
  if (kind === 'http' && fingerprint !== undefined) throw refuse('it has a fingerprint, which http:// cannot check');
  const plain = fingerprint === undefined && (kind === 'http' || loopback);
  return { host, port, secret, ...(fingerprint === undefined ? {} : { fingerprint }), plain };
}

/** `HOST`, `HOST:PORT` or `[V6]:PORT`. */
export function parseAddress(text: string, fallbackPort = defaultPort): { host: string; port: number } {
  const refuse = (why: string): TaggerError => new TaggerError('usage', `Cannot use '${text.slice(0, 80)}' as an address: ${why}.`, { hint: 'Write HOST:PORT or [IPV6]:PORT.' });
  const match = /^(\[[0-9a-f:.%]+\]|[^:[\]/@#?\s]+)(?::(\d{1,5}))?$/i.exec(text.trim());
  if (!match) throw refuse('it is not HOST:PORT');
  const port = match[2] === undefined ? fallbackPort : Number(match[2]);
  if (port < 1 || port > 65535) throw refuse('a port is a number from 1 to 65535');
  return { host: (match[1] as string).replace(/^\[|\]$/g, '').toLowerCase(), port };
}

/** The spelling for programs and people's terminals. */
export function formatLink({ host, port, secret, fingerprint }: Omit<Link, 'plain'>): string {
  return `tagd://${formatAddress(host, port)}/#${secret}${fingerprint === undefined ? '' : `.${fingerprint}`}`;
}

/** The spelling that a browser opens. */
export function formatWebLink({ host, port, secret, fingerprint }: Omit<Link, 'plain'>): string {
  const scheme = fingerprint === undefined && isLoopback(host) ? 'http' : 'https';
  return `${scheme}://${formatAddress(host, port)}/#${secret}${fingerprint === undefined ? '' : `.${fingerprint}`}`;
}

export function formatAddress(host: string, port: number): string { return `${host.includes(':') ? `[${host}]` : host}:${port}`; }

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
