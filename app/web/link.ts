// web/link.ts - the link this page was opened with. The secret leaves the address bar at once and is kept for this tab only.

const key = 'tagd-link';

/** The link, from the address bar or from before a reload; `undefined` if the page was opened without one. */
export function takeLink(): string | undefined {
  const fragment = location.hash.slice(1);
  if (fragment !== '') {
    history.replaceState(null, '', location.pathname);
    sessionStorage.setItem(key, `${location.origin}/#${fragment}`);
  }
  return sessionStorage.getItem(key) ?? undefined;
}

export function forgetLink(): void { sessionStorage.removeItem(key); }
