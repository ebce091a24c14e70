// daemon/ingest.worker.ts - the thread that owns the tagger: a driver on one side, the ring's writer on the other.
import { openTagger } from '../driver/open.ts';
import { runIngest } from '../dsp/ingest.ts';

runIngest(openTagger);
