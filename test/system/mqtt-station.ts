// test/system/mqtt-station.ts - a station in a process of its own, to be killed. Prints `connected` once it is.
import { MqttBridge } from '../../app/mqtt/bridge.ts';
import { ScriptedStation, ScriptedTagger } from '../mqtt/scripted-station.ts';

const bridge = new MqttBridge(new ScriptedStation(new ScriptedTagger('sim')), { url: process.argv[2] ?? '' });
bridge.start();
const poll = setInterval(() => {
  const { connected, queued, inFlight } = bridge.status();
  if (!connected || queued + inFlight > 0) return;
  console.log('connected');
  clearInterval(poll);
}, 5);
