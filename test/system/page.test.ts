// test/system/page.test.ts - the page in a real browser: it shows rates, finds the pairs, and hides the secret at once.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { chromium, type Browser, type Page } from 'playwright-core';
import { startDaemon, type DaemonUnderTest } from '../support/daemon.ts';

let browser: Browser;
let daemon: DaemonUnderTest;

test.before(async () => {
  if (!existsSync(fileURLToPath(new URL('../../dist/web/main.js', import.meta.url)))) throw new Error('The page is not built; run `npm run build` first.');
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium', env: { ...process.env as Record<string, string>, LANG: 'en_US.UTF-8' },
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  daemon = await startDaemon();
});
test.after.always(async () => {
  await browser?.close();
  await daemon?.stop();
});

/** Opens the page and collects everything a browser would complain about, and every address it asks. */
async function open(address: string, width: number): Promise<{ page: Page; complaints: string[]; asked: string[] }> {
  const page = await browser.newPage({ viewport: { width, height: 900 } });
  const complaints: string[] = [];
  const asked: string[] = [];
  page.on('console', message => { if (message.type() === 'error') complaints.push(message.text()); });
  page.on('pageerror', error => { complaints.push(error.message); });
  page.on('request', request => { asked.push(request.url()); });
  await page.goto(address);
  return { page, complaints, asked };
}

const webLink = (): string => daemon.link.replace('tagd://', 'http://');

for (const width of [360, 1440]) {
  test(`at ${width} px the page shows four rates and a correlation, and stays inside its window`, async t => {
    const { page, complaints, asked } = await open(webLink(), width);
    await page.waitForFunction(() => [...document.querySelectorAll('.number')].length === 4 && [...document.querySelectorAll('.number')].every(({ textContent }) => /Hz/.test(textContent)));
    await page.waitForFunction(() => / tags /.test(document.querySelector('section [role=status]')?.textContent ?? ''));
    t.is(page.url(), `http://127.0.0.1:${daemon.port}/`, 'the secret has left the address bar');
    t.true(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing to scroll sideways');
    t.deepEqual(complaints, []);
    t.deepEqual(asked.filter(url => !url.startsWith(`http://127.0.0.1:${daemon.port}/`) && !url.startsWith('data:')), [], 'nothing is loaded from elsewhere');
    await page.close();
  });
}

test('without a link the page says what it needs; with a wrong one it says so and does not try again', async t => {
  const bare = await open(`http://127.0.0.1:${daemon.port}/`, 800);
  await bare.page.waitForSelector('text=ask its owner for one');
  t.deepEqual(bare.complaints, []);
  await bare.page.close();
  const wrong = await open(webLink().replace(/#.*/, `#${'A'.repeat(43)}`), 800);
  await wrong.page.waitForSelector('.notice >> text=/not valid/');

  await wrong.page.close();
});
