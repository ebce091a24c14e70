// tagctl/ingest.worker.ts - the thread that reads a recording for `analyze`.
import { openTagger } from '../driver/open.ts';
import { runIngest } from '../dsp/ingest.ts';

runIngest(openTagger);
