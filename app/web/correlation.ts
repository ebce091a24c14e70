// web/correlation.ts - a live correlation of two channels: choose, look, clear. One measurement at a time, of this tab only.
import { useSignal } from '@preact/signals';
import { h, type ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { Measurement } from '../client/index.ts';
import { formatPs, parseQuantity } from '../core/units.ts';
import { connection, status, type Connection } from './store.ts';

interface Choice { channel1: number; channel2: number; binwidthPs: number; bins: number }

export function Correlation(): ComponentChildren {
  const live = connection.value;
  const channels = status.value?.info.channels.map(({ number }) => number) ?? [];
  const [first, second = first] = channels;
  if (live.state !== 'open' || first === undefined || second === undefined) return null;
  return h(Panel, { live, channels, begin: { channel1: second, channel2: first, binwidthPs: 100, bins: 1000 } });
}

interface PanelProps { live: Extract<Connection, { state: 'open' }>; channels: readonly number[]; begin: Choice }

function Panel({ live, channels, begin }: PanelProps): ComponentChildren {
  const choice = useSignal(begin);
  const note = useSignal('');
  const measurement = useRef<Measurement<'correlation'> | undefined>(undefined);
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!box.current) return undefined;
    const plot = makePlot(box.current);
    const fit = (): void => { plot.setSize({ width: box.current?.clientWidth ?? 600, height: 300 }); };
    addEventListener('resize', fit);
    let gone = false;
    const run = async (): Promise<void> => {
      const made = await live.tagger.measure('correlation', choice.value);
      if (gone) return void made.dispose();
      measurement.current = made;
      const delaysPs = await made.getIndex();
      await made.onUpdate(({ value, info }) => {
        plot.setData([delaysPs, value]);
        note.value = `${formatPs(info.liveTimePs)} live · ${info.tags} tags · loss: ${info.lossGrade}${info.aliased ? ` · binwidth is no multiple of the tick; try ${info.nearestGoodPs.map(formatPs).join(' or ')}` : ''}`;
      }, { everyMs: 500, getter: 'getData' });
    };
    run().catch((error: unknown) => { note.value = error instanceof Error ? error.message : String(error); });
    return () => {
      gone = true;
      removeEventListener('resize', fit);
      plot.destroy();
      measurement.current?.dispose();
      measurement.current = undefined;
    };
  }, [live, choice.value]);

  const select = (name: 'channel1' | 'channel2', label: string): ComponentChildren => h('label', null, label,
    h('select', { value: choice.value[name], onChange: (event: Event) => { choice.value = { ...choice.value, [name]: Number((event.target as HTMLSelectElement).value) }; } },
      channels.map(channel => h('option', { value: channel }, channel))));
  const onBinwidth = (event: Event): void => {
    try {
      choice.value = { ...choice.value, binwidthPs: parseQuantity((event.target as HTMLInputElement).value, 'time') };
    } catch (error) {
      note.value = (error as Error).message;
    }
  };
  return h('section', { class: 'card' },
    h('h2', null, 'Correlation'),
    h('form', { onSubmit: (event: Event) => { event.preventDefault(); } },
      select('channel1', 'Channel 1'), select('channel2', 'Channel 2'),
      h('label', null, 'Binwidth', h('input', { defaultValue: '100ps', onChange: onBinwidth })),
      h('button', { type: 'button', class: 'quiet', onClick: () => { void measurement.current?.clear(); } }, 'Clear')),
    h('div', { class: 'plot', ref: box }),
    h('div', { class: 'soft', role: 'status' }, note.value));
}

function makePlot(box: HTMLElement): uPlot {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line') } };
  return new uPlot({
    width: box.clientWidth || 600, height: 300, scales: { x: { time: false } },
    axes: [
      { ...axis, label: 't(ch1) - t(ch2)', values: (_, ticks) => ticks.map(formatPs) },
      { ...axis, label: 'pairs', size: 60 },
    ],
    series: [
      { label: 'delay', value: (_, value) => (value === null || value === undefined ? '–' : formatPs(value)) },
      { label: 'pairs', stroke: colour('--accent'), width: 1.2, points: { show: false } },
    ],
  }, [[], []], box);
}
