#!/usr/bin/env python3
"""ops/bridge/example.py - the smallest whole bridge: one input that clicks every microsecond. Start from here for another vendor's library."""
import json, struct, sys, threading

RECORD = struct.Struct("<BBHiq")  # type, 0, missed, channel, time in ps
stop, counter = threading.Event(), {"records": 0}


def say(**line):
    print(json.dumps(line), file=sys.stderr, flush=True)


def stream():
    time_ps = counter["records"] = 0
    while not stop.wait(0.01):
        # Here the vendor's library would be asked for its tags; these are 10 ms of them.
        tags = [RECORD.pack(0, 0, 0, 1, time_ps + k * 1_000_000) for k in range(10_000)]
        time_ps += 10_000 * 1_000_000
        # The last record says: nothing was missed until here.
        sys.stdout.buffer.write(b"".join(tags) + RECORD.pack(4, 0, 0, 0, time_ps))
        sys.stdout.buffer.flush()
        counter["records"] += len(tags) + 1


say(tagd=1, kind="capabilities", model="Example", serial="1", channels=[{"number": 1, "name": "Clock"}], overflowReport="none", heartbeatMs=1000)
worker = None
for line in sys.stdin:
    request = json.loads(line)
    if worker:
        stop.set()
        worker.join()
        stop.clear()
        worker = None
    if request["command"] == "start":
        worker = threading.Thread(target=stream, daemon=True)
        worker.start()
    say(kind="done", id=request["id"], **({"fromPs": "0"} if worker else counter))
