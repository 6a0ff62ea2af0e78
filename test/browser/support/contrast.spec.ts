import { expect, it } from '@jest/globals';
import { readContrast } from './contrast.js';
import { useBrowser } from './watched-browser.js';

const browser = useBrowser();

it('finds the texts that are hard to read, and only those', async () => {
  const page = await browser.newPage();
  await page.setContent(`<body style="background: #fff">
    <p style="color: #767676">just enough</p>
    <p style="color: #777">just too faint</p>
    <p style="color: #777; font-size: 24px">large</p>
    <p style="color: rgb(0 0 0 / 40%)">see-through</p>
    <p style="background: #123; color: #fff">on a dark ground</p>
    <p hidden style="color: #eee">not there</p>`);
  const { measured, faint } = await readContrast(page);
  expect(measured).toBe(5);
  expect(faint.map(({ text }) => text)).toEqual(['just too faint', 'see-through']);
});

it('notices errors and foreign hosts', async () => {
  const page = await browser.newPage();
  await page.route('**', (route) => route.fulfill({ contentType: 'text/html', body: '<title>stand-in</title>' }));
  browser.expectFindings(/^console: said|^thrown: thrown|^foreign host: http:\/\/elsewhere\.example/);
  await page.goto('http://elsewhere.example/');
  const thrown = page.waitForEvent('pageerror');
  await page.evaluate(`console.error('said'); setTimeout(() => { throw new Error('thrown'); })`);
  await thrown;
  expect(browser.findings.map((finding) => finding.split(':')[0])).toEqual(['foreign host', 'console', 'thrown']);
});
