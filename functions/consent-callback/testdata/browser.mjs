// Drives a real browser for page_test.go: a line of JSON in says what to open and do, a line of JSON out says what is
// seen then. It ends when its input does. Its one argument is the folder of the node modules.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const require = createRequire(join(process.argv[2], 'node_modules', 'here.js'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

// The packaged browser is for Linux on x64; elsewhere the machine's own Chrome is used.
async function launch() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return chromium.launch({ channel: 'chrome' });
  const packaged = (await import(require.resolve('@sparticuz/chromium'))).default;
  return chromium.launch({ executablePath: await packaged.executablePath(), args: ['--no-sandbox', '--disable-gpu'] });
}

const steps = {
  fill: (page, selector, text) => page.fill(selector, text),
  check: (page, selector) => page.check(selector),
  press: (page, key) => page.keyboard.press(key),
  go: (page, url) => page.goto(url),
  back: (page) => page.goBack(),
  set: (page, selector, name, value) => page.locator(selector).evaluate((e, [n, v]) => e.setAttribute(n, v), [name, value]),
  // These two wait for the page that they lead to.
  submit: (page, selector) => Promise.all([page.waitForNavigation(), page.click(selector)]),
  enter: (page) => Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]),
};

async function look(page) {
  return page.evaluate(() => {
    const root = document.documentElement;
    const active = document.activeElement;
    const style = getComputedStyle(active);
    return {
      title: document.title,
      language: root.lang,
      text: document.body.innerText,
      message: document.querySelector('[role=status]')?.innerText ?? '',
      alert: document.querySelector('[role=alert]')?.innerText ?? '',
      overflow: root.scrollWidth - root.clientWidth,
      background: getComputedStyle(document.body).backgroundColor,
      active: active.localName + (active.value ? ' ' + active.value : active.id ? ' ' + active.id : ''),
      outline: style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth),
      reason: document.querySelector('textarea')?.value ?? '',
      small: [...document.querySelectorAll('a, button, textarea, input:not([type=hidden])')].filter((e) => {
        const box = e.getBoundingClientRect();
        return box.width < 24 || box.height < 24;
      }).map((e) => e.outerHTML),
    };
  });
}

async function run(browser, job) {
  const context = await browser.newContext({
    viewport: { width: job.width || 1280, height: 900 }, colorScheme: job.dark ? 'dark' : 'light',
    javaScriptEnabled: !job.noScript, locale: job.language || 'en',
  });
  try {
    const page = await context.newPage();
    const console = [], requests = [];
    page.on('console', (m) => { if (!m.text().startsWith('Failed to load resource')) console.push(m.text()); });
    page.on('pageerror', (e) => console.push(String(e)));
    page.on('dialog', (d) => { console.push('dialog ' + d.message()); d.dismiss(); });
    page.on('request', (r) => requests.push(r.method() + ' ' + r.url()));
    let status = 0;
    page.on('response', (r) => { if (r.request().isNavigationRequest() && (r.status() < 300 || r.status() >= 400)) status = r.status(); });
    if (job.html) await page.setContent(job.html);
    else await page.goto(job.url);
    for (const [name, ...args] of job.steps ?? []) await steps[name](page, ...args);
    const seen = { ...await look(page), url: page.url(), status, console, requests, violations: [] };
    if (!job.noScript) {
      await page.evaluate(axe);
      const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
      if (!job.html) rules.push('best-practice'); // landmarks among them, which email has not
      const found = await page.evaluate((runOnly) => globalThis.axe.run({ runOnly }), rules);
      seen.violations = found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
    }
    return seen;
  } finally {
    await context.close();
  }
}

const browser = await launch();
for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = await run(browser, JSON.parse(line));
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
await browser.close();
