#!/usr/bin/env python3
"""ops/bridge/swabian.py - serves a Swabian Time Tagger to tagd: tagd --tagger 'bridge:python3 swabian.py'.

Needs Python 3.8 and the vendor's TimeTagger module, which is not part of tagd. The protocol is docs/bridge.md.
"""
import argparse, json, os, signal, sys, threading

# Records go to what was standard output; whatever the vendor's library prints goes to standard error, as text for people.
records = os.dup(1)
os.dup2(2, 1)


def say(**line):
    os.write(2, (json.dumps(line) + "\n").encode())


def leave(message, hint, end=sys.exit):
    say(kind="error", message=message, hint=hint)
    end(69)


try:
    import TimeTagger
except ImportError as error:
    leave(f"Cannot import the vendor's module: {error}.", "Install Swabian's software, or pip install Swabian-TimeTagger, for this Python.")


class Stream(TimeTagger.CustomMeasurement):
    """Hands every block of the vendor's stream on. The vendor's tags are records already: 16 bytes, the same fields."""

    def __init__(self, tagger, channels):
        super().__init__(tagger)
        self.written, self.begin, self.begun = 0, 0, threading.Event()
        for channel in channels:
            self.register_channel(channel)
        self.finalize_init()

    def process(self, incoming_tags, begin_time, end_time):
        if not self.begun.is_set():
            self.begin = int(begin_time)
            self.begun.set()
        # A record of 0 missed tags lets time pass on dark inputs.
        data = memoryview(incoming_tags.tobytes() + b"\4\0\0\0\0\0\0\0" + int(end_time).to_bytes(8, "little", signed=True))
        if len(data) != 16 * (len(incoming_tags) + 1):
            leave("The tags of this version of the vendor's library are not 16 bytes long.", "Use another version of Swabian's software.", os._exit)
        self.written += len(data) // 16
        try:
            # While nobody reads this waits: the library's buffer fills, and the library says itself what was lost.
            while data:
                data = data[os.write(records, data[:1 << 20]):]
        except OSError:
            os._exit(74)


def settings_of(tagger):
    (low, high), clock, number = tagger.getDACRange(), tagger.getPsPerClock(), dict(kind="number", scope="channel")
    return [dict(number, key="triggerLevelV", label="trigger level", unit="V", min=low, max=high, default=min(max(0.5, low), high)),
            dict(number, key="deadTimePs", label="dead time", unit="ps", min=0, max=65535 * clock, default=clock),
            dict(number, key="inputDelayPs", label="input delay", unit="ps", min=-2e6, max=2e6, step=1, default=0),
            dict(key="testSignal", label="test signal", kind="boolean", unit="", scope="channel", default=False)]


def values_of(tagger, channels):
    return {"tagger": {}, "channels": {str(channel): {
        "triggerLevelV": float(tagger.getTriggerLevel(channel)), "deadTimePs": int(tagger.getDeadtime(channel)),
        "inputDelayPs": int(tagger.getInputDelay(channel)), "testSignal": bool(tagger.getTestSignal(channel))} for channel in channels}}


def configure(tagger, channels, change):
    before, done = values_of(tagger, channels)["channels"], []
    setters = {"triggerLevelV": (tagger.setTriggerLevel, float), "deadTimePs": (tagger.setDeadtime, int), "inputDelayPs": (tagger.setInputDelay, int), "testSignal": (tagger.setTestSignal, bool)}
    try:
        for channel, key, value in [(channel, key, value) for channel, some in change.get("channels", {}).items() for key, value in some.items()]:
            set_value, kind = setters[key]
            set_value(int(channel), kind(value))
            done.append((set_value, int(channel), before[channel][key]))
    except Exception:
        for set_value, channel, value in reversed(done):
            set_value(channel, value)
        raise
    return {"settings": values_of(tagger, channels)}


def serve(tagger, channels):
    stream = None
    for request in map(json.loads, sys.stdin):
        try:
            if request["command"] == "configure":
                fields = configure(tagger, channels, request["change"])
            else:
                if stream:
                    stream.stop()
                fields, stream = {"records": stream.written if stream else 0}, None
                if request["command"] == "start":
                    stream = Stream(tagger, channels)
                    if not stream.begun.wait(3):
                        raise RuntimeError("the tagger sends no blocks")
                    fields = {"fromPs": str(stream.begin)}
            say(kind="done", id=request["id"], **fields)
        except Exception as error:
            say(kind="refused", id=request["id"], message=f"Cannot {request['command']}: {error}.")


parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--serial", default="", help="of the tagger to open; default: the first one")
parser.add_argument("--falling", action="store_true", help="falling edges too, as channels -1, -2, ...")
options = parser.parse_args()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
say(kind="busy", message="opening the tagger")
try:
    tagger = TimeTagger.createTimeTagger(options.serial)
except Exception as error:
    leave(f"Cannot open the Time Tagger: {error}.", "Is it plugged in, and is no other program using it?")
try:
    channels = [channel for channel in tagger.getChannelList(TimeTagger.ChannelEdge.All) if 0 < channel < 1000 or -1000 < channel < 0 and options.falling]
    say(tagd=1, kind="capabilities", model=tagger.getModel(), serial=tagger.getSerial(), channels=[{"number": channel} for channel in channels],
        settings=settings_of(tagger), values=values_of(tagger, channels), overflowReport="counted", heartbeatMs=1000)
    serve(tagger, channels)
finally:
    TimeTagger.freeTimeTagger(tagger)
