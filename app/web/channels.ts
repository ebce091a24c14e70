// web/channels.ts - a card for each channel: its rate as a big number, the last minute as a line, its settings.
import { h, type ComponentChildren } from 'preact';
import { formatPs } from '../core/units.ts';
import { connection, history, historyLength, rates, status } from './store.ts';

export function Channels(): ComponentChildren {
  const now = rates.value;
  const stale = connection.value.state !== 'open' ? ' stale' : '';
  return h('section', { class: `cards${stale}`, 'aria-label': 'Channels' }, now?.channels.map(({ channel, name, rateHz }) =>
    h('article', { class: 'card', key: channel },
      h('h2', null, name, h('span', { class: 'soft' }, ` · ${channel}`)),
      h('div', { class: 'number' }, ...bigNumber(rateHz)),
      h(Spark, { values: history.value.get(channel) ?? [], label: `Rate of ${name} over the last minute` }),
      h('div', { class: 'soft' }, settingsOf(channel)))));
}

function bigNumber(rateHz: number | null): ComponentChildren[] {
  if (rateHz === null) return ['–', h('small', null, 'no data')];
  const exponent = rateHz >= 1e6 ? 6 : rateHz >= 1e3 ? 3 : 0;
  const unit = { 0: 'Hz', 3: 'kHz', 6: 'MHz' }[exponent] ?? 'Hz';
  return [(rateHz / 10 ** exponent).toFixed(exponent === 0 ? 1 : 3), h('small', null, unit)];
}

/** Gaps stay gaps: a missing value breaks the line and never reads as zero. */
function Spark({ values, label }: { values: readonly (number | null)[]; label: string }): ComponentChildren {
  const known = values.filter(value => value !== null);
  const top = Math.max(...known, 1e-9);
  let path = '';
  let pen = 'M';
  values.forEach((value, index) => {
    if (value === null) pen = 'M';
    else {
      // The newest value is at the right edge from the first moment on.
      path += `${pen}${(100 - (values.length - 1 - index) / (historyLength - 1) * 100).toFixed(2)} ${(28 - value / top * 26).toFixed(2)}`;
      pen = 'L';
    }
  });
  return h('svg', { class: 'spark', viewBox: '0 0 100 30', preserveAspectRatio: 'none', role: 'img', 'aria-label': label }, h('path', { d: path }));
}

function settingsOf(channel: number): string {
  const settings = status.value?.settings.channels?.[channel] ?? {};
  return (status.value?.info.settings ?? []).filter(({ scope }) => scope === 'channel').flatMap(({ key, label, unit, kind, default: usual }) => {
    const value = settings[key];
    if (value === undefined || value === false || (value === usual && unit !== 'V')) return [];
    if (kind === 'boolean') return [label];
    return [`${label} ${unit === 'ps' ? formatPs(Number(value)) : `${value}${unit === '' ? '' : ` ${unit}`}`}`];
  }).join(' · ');
}
