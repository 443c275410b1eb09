// Gives Lighthouse's marks of a page as JSON. Arguments: the folder of the test browser's modules, the page's address; the
// variable COOKIE is sent along.
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import lighthouse from 'lighthouse';

const [, , modules, address] = process.argv;
const require = createRequire(join(modules, 'node_modules', 'here.js'));
const { chromium } = require('playwright-core');

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

// The packaged browser is for Linux on x64; elsewhere the machine's own Chrome is used.
async function browser() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'chrome';
  return (await import(require.resolve('@sparticuz/chromium'))).default.executablePath();
}

const port = await freePort();
const path = await browser();
const options = path === 'chrome' ? { channel: path } : { executablePath: path };
const running = await chromium.launch({ ...options, args: ['--no-sandbox', '--disable-gpu', `--remote-debugging-port=${port}`] });
try {
  const { lhr } = await lighthouse(address, { port, output: 'json', logLevel: 'error', extraHeaders: { Cookie: process.env.COOKIE },
    onlyCategories: ['performance', 'accessibility', 'best-practices'] });
  const marks = Object.fromEntries(Object.entries(lhr.categories).map(([name, { score }]) => [name, Math.round(score * 100)]));
  for (const audit of Object.values(lhr.audits)) {
    if (audit.score !== null && audit.score < 0.9) console.error(`${audit.id}: ${audit.title} ${audit.displayValue ?? ''}`);
  }
  console.log(JSON.stringify(marks));
} finally {
  await running.close();
}
