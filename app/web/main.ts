// web/main.ts - the page the daemon serves: who is there, what each channel counts, and a live correlation.
//
// It talks through the client library and holds no more authority than the link it was opened with.
import { h, render, type ComponentChildren } from 'preact';
import { Channels } from './channels.ts';
import { stayConnected } from './connection.ts';
import { Correlation } from './correlation.ts';
import { takeLink } from './link.ts';
import { boxName, connection, status } from './store.ts';

function Page(): ComponentChildren {
  return h('main', null, h(Heading, null), h(Notice, null), h(Channels, null), h(Correlation, null));
}

function Heading(): ComponentChildren {
  const now = status.value;
  const good = now?.state === 'streaming' || now?.state === 'ready';
  const loss = now?.ledger.grade ?? 'none';
  return h('header', null,
    h('h1', null, boxName.value),
    now && h('span', null, `${now.info.model} ${now.info.serial}`),
    now && h('span', { class: `state ${good ? 'good' : 'warn'}`, title: now.detail }, now.state),
    now && h('span', { class: `state ${loss === 'none' ? 'good' : 'bad'}` }, loss === 'none' ? 'no tags lost' : `${now.ledger.intervals} lost intervals (${loss})`));
}

function Notice(): ComponentChildren {
  const now = connection.value;
  if (now.state === 'open') return null;
  const text = {
    'no-link': 'This page shows a time tagger to those who hold a link to it. Open the link that tagd printed, or ask its owner for one (tagctl share).',
    'connecting': now.state === 'connecting' ? `Connecting${now.because ? ` again: ${now.because}` : ''}. Values below are old.` : '',
    'refused': now.state === 'refused' ? `${now.message} ${now.hint ?? ''}` : '',
  }[now.state];
  return h('p', { class: 'notice', role: 'status' }, text);
}

const link = takeLink();
if (link !== undefined) {
  connection.value = { state: 'connecting', attempt: 0, because: undefined };
  void stayConnected(link);
}
// `render` adds to what is there; the words for browsers without JavaScript have done their part.
const place = document.getElementById('page') as HTMLElement;
place.replaceChildren();
render(h(Page, null), place);
