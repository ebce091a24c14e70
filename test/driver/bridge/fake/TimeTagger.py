"""test/driver/bridge/fake/TimeTagger.py - the vendor's module as far as swabian.py uses it, without a tagger behind it.

FAKE_TAGGER in the environment is JSON: blocks, every, dark, fail, print. What was emitted and missed goes to the file `report`.
"""
import json
import os
import struct
import threading
import time

_options = {"blocks": 0, "report": "", "fail": "", "print": False, "dark": False, **json.loads(os.environ.get("FAKE_TAGGER", "{}"))}
if _options["print"]:
    os.write(1, b"Time Tagger library 2.99: license ok\n")


class ChannelEdge:
    All, Rising, Falling = 0, 1, 2


class _Tags:
    """Behaves like the vendor's structured array: a length, and bytes of 16 each."""

    def __init__(self, rows):
        self._data = b"".join(struct.pack("<BBHiq", kind, 0, missed, channel, at) for kind, missed, channel, at in rows)

    def __len__(self):
        return len(self._data) // 16

    def tobytes(self):
        return self._data


class CustomMeasurement:
    def __init__(self, tagger):
        self._channels, self._ending, self._thread = [], threading.Event(), None
        self._counts = {"emitted": {}, "missed": {}}

    def register_channel(self, channel):
        self._channels.append(channel)

    def finalize_init(self):
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _count(self, what, channel, n=1):
        self._counts[what][channel] = self._counts[what].get(channel, 0) + n

    def _run(self):
        now, block = 7_000_000_000_000, 0
        while not self._ending.is_set() and (not _options["blocks"] or block < _options["blocks"]):
            begin, rows = now, []
            for i in range(0 if _options["dark"] else 300):
                now += 1000 + 37 * i
                channel = self._channels[(i * 7 + block) % len(self._channels)]
                rows.append((0, 0, channel, now))
                self._count("emitted", channel)
            if block % 5 == 3:
                rows.append((2, 0, 0, now + 1))
                for channel in self._channels:
                    rows.append((4, 40 + channel % 3, channel, now + 2))
                    self._count("missed", channel, 40 + channel % 3)
                    self._count("emitted", channel, 40 + channel % 3)
                now += 5_000_000
                rows.append((3, 0, 0, now))
            now = max(now, begin + 10_000_000_000)
            self.process(_Tags(rows), begin, now)
            block += 1
            self._ending.wait(0.002)
        while not self._ending.wait(0.01):
            now += 10_000_000_000
            self.process(_Tags([]), now - 10_000_000_000, now)

    def stop(self):
        self._ending.set()
        self._thread.join()
        if _options["report"]:
            with open(_options["report"], "w") as file:
                json.dump(self._counts, file)


class _Tagger:
    def __init__(self, serial):
        self._serial, self._values = serial or "1740000JG2", {}

    def getChannelList(self, edge):
        return [1, 2, 3, 4, -1, -2, -3, -4]

    def getModel(self):
        return "Time Tagger Ultra"

    def getSerial(self):
        return self._serial

    def getPsPerClock(self):
        return 2000

    def getDACRange(self):
        return (-2.5, 2.5)

    def _set(self, key, channel, value):
        if _options["fail"] == key and channel == 3:
            raise RuntimeError("the library said no")
        self._values[key, channel] = value

    def setTriggerLevel(self, channel, volts):
        # A converter has steps, and both edges of an input have one level.
        self._set("level", abs(channel), round(volts * 4096 / 5) * 5 / 4096)

    def getTriggerLevel(self, channel):
        return self._values.get(("level", abs(channel)), 410 * 5 / 4096)

    def setDeadtime(self, channel, ps):
        self._set("dead", channel, max(2000, ps // 2000 * 2000))

    def getDeadtime(self, channel):
        return self._values.get(("dead", channel), 2000)

    def setInputDelay(self, channel, ps):
        self._set("delay", channel, ps)

    def getInputDelay(self, channel):
        return self._values.get(("delay", channel), 0)

    def setTestSignal(self, channel, on):
        self._set("test", abs(channel), on)

    def getTestSignal(self, channel):
        return self._values.get(("test", abs(channel)), False)


def createTimeTagger(serial=""):
    if _options["fail"] == "open":
        raise RuntimeError("no Time Tagger is attached")
    time.sleep(0.05)
    return _Tagger(serial)


def freeTimeTagger(tagger):
    if _options["report"]:
        with open(_options["report"] + ".freed", "w") as file:
            file.write(tagger.getSerial())
