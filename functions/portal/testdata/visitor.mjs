// What stories in a real browser are told with: visitors, and what every page keeps to. Everything that is not as it should
// be is a line on standard output. Arguments: the folder of the node modules, and the addresses of the portal, the mailbox and
// the issuer.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const [, , modules, portal, mailbox, issuer = portal] = process.argv;
const require = createRequire(join(modules, 'node_modules', 'here.js'));
const { chromium } = require('playwright-core');

// own are the addresses that pages may ask.
export const own = [portal + '/', new URL(issuer).origin + '/', 'data:'];

// The packaged browser is for Linux on x64; elsewhere the machine's own Chrome is used.
export async function launch() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return chromium.launch({ channel: 'chrome' });
  const packaged = (await import(require.resolve('@sparticuz/chromium'))).default;
  return chromium.launch({ executablePath: await packaged.executablePath(), args: ['--no-sandbox', '--disable-gpu'] });
}

// A page's where says where a problem was met.
export const tell = (page, problem) => console.log(`${page.where}: ${problem}`);
export const is = (page, got, want, what) => { if (got !== want) tell(page, `${what} is ${JSON.stringify(got)}, not ${JSON.stringify(want)}`); };
export const has = (page, text, part) => { if (!text.includes(part)) tell(page, `${JSON.stringify(part)} is not in ${JSON.stringify(text.slice(0, 600))}`); };

// visitor opens a browser for somebody; what their pages complain of, and ask from elsewhere, is told.
export async function visitor(browser, where, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en', reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  page.where = where;
  // Pages of status 4xx are asked for on purpose, axe asks the email's frame, which does not answer, and these visitors may be
  // at a field before the page has moved the focus.
  const expected = (text) => text.startsWith('Failed to load resource') || text.includes("'postMessage' on 'DOMWindow'") || text.startsWith('Autofocus');
  page.on('console', (m) => { if (!expected(m.text())) tell(page, `the browser says ${m.text()}`); });
  page.on('pageerror', (e) => tell(page, `the script fails: ${e}`));
  page.on('request', (r) => { if (!own.some((beginning) => r.url().startsWith(beginning))) tell(page, `the page asks for ${r.url()}`); });
  return page;
}

export async function signIn(page, person) {
  await page.goto(portal + '/');
  await page.getByRole('button', { name: person }).first().click();
  await page.waitForURL(portal + '/portal');
}

// press clicks, and waits until the page to which that leads is there.
export const press = (page, target) => Promise.all([page.waitForEvent('load'), target.click()]);
export const button = (page, name) => press(page, page.getByRole('button', { name, exact: true }));
export const follow = (page, name) => press(page, page.getByRole('link', { name }).first());
export const text = (page) => page.locator('main').innerText();
export const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.className || document.activeElement.localName);

// focus waits until the focus is where it belongs, which a page moves just after it has loaded.
export async function focus(page, want, what) {
  const there = page.waitForFunction((want) => [document.activeElement.id, document.activeElement.className].includes(want), want);
  await there.catch(async () => tell(page, `${what} is at ${await focused(page)}, not ${want}`));
}

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const { HtmlValidate } = await import(require.resolve('html-validate').replace('/cjs/index.js', '/esm/index.js'));
const validator = new HtmlValidate({
  extends: ['html-validate:standard'],
  rules: {
    'doctype-style': 'off', 'void-style': 'off', 'attr-quotes': 'off', 'long-title': 'off', 'no-trailing-whitespace': 'off',
    'attribute-boolean-style': 'off', 'attribute-empty-style': 'off', 'require-sri': 'off',
  },
});

const everyRule = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };
const contrast = { type: 'rule', values: ['color-contrast'] };

async function violations(page, rules, how) {
  const found = await page.evaluate(async ([source, rules]) => {
    if (!globalThis.axe) (0, eval)(source);
    const { violations } = await globalThis.axe.run({ runOnly: rules, resultTypes: ['violations'] });
    return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
  }, [axe, rules]).catch((error) => [`axe does not run: ${error}`]);
  for (const violation of found) tell(page, `${how} ${violation}`);
}

// cut names what runs over the page's edge, or is cut off within a part that hides what does not fit.
async function cut(page, how) {
  const found = await page.evaluate(() => {
    const root = document.documentElement;
    const hides = (e) => {
      const style = getComputedStyle(e);
      return ['hidden', 'clip'].includes(style.overflowX) && style.clipPath === 'none' && e.scrollWidth > e.clientWidth + 1;
    };
    const parts = [...document.querySelectorAll('body *:not(input, select, .unseen)')].filter(hides).map((e) => `${e.localName}.${e.className}`);
    return root.scrollWidth > root.clientWidth ? [...parts, 'the page'] : parts;
  });
  for (const part of found) tell(page, `${how} ${part} is cut off`);
}

const valid = async (page, html) => {
  const report = await validator.validateString(html);
  report.results.forEach((r) => r.messages.forEach((m) => tell(page, `HTML ${m.ruleId}: ${m.message} (${m.selector})`)));
};

// look holds a page against what every page keeps to: accessible in light and dark, valid, nothing cut off at 320 pixels or
// with text of 200 %. Without script the layout is the same, so that is not measured again.
export async function look(page, name, { bare = false } = {}) {
  page.where = name;
  await violations(page, everyRule, 'in light');
  if (bare) return valid(page, await page.content());
  await page.emulateMedia({ colorScheme: 'dark' });
  await violations(page, contrast, 'in the dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 320, height: 800 });
  await cut(page, 'at 320 pixels');
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.evaluate(() => { document.documentElement.style.fontSize = '200%'; });
  await cut(page, 'with text of 200 %');
  await page.evaluate(() => { document.documentElement.style.fontSize = ''; });
}

// call calls the API with a visitor's own token, as another program of theirs would.
export async function call(page, method, path, body) {
  const token = (await page.context().cookies()).find((c) => c.name === 'portal-id-token').value;
  const answer = await fetch(portal + path, {
    method, headers: { Authorization: 'Bearer ' + token, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body),
  });
  const content = await answer.json();
  if (!answer.ok) tell(page, `${path} is answered ${answer.status} ${JSON.stringify(content)}`);
  return content;
}

// add nominates a customer by the API.
export async function add(page, domain, name, engagement = 'cloud-assessment') {
  const added = await call(page, 'POST', '/v1/customers', {
    friendlyName: name, locationId: 'nw-seattle', customerId: { type: 'domain', value: domain }, engagementIds: [engagement],
    customerContact: { name: 'Kim Customer', email: 'kim@' + domain }, partnerContact: { name: 'Ana Partner', email: 'ana@northwind.example' },
  });
  return added.claims[0].id;
}

// answer has the customer answer the latest email to an address by a click.
export async function answer(browser, address, word = 'Accept') {
  const { emails } = await (await fetch(mailbox + '/store')).json();
  const email = emails.filter((e) => e.destination.to.some((to) => to.includes(address))).at(-1);
  const kim = await visitor(browser, 'the customer at ' + address);
  await kim.goto(email.body.text.match(/https?:\S*\/consent\/[A-Za-z0-9_.~%-]+/)[0].replace(/\.$/, ''));
  await button(kim, word);
  await kim.context().close();
}

// ask asks a customer for consent by the API.
export const ask = (page, id, dealSize) => call(page, 'POST', `/v1/claims/${id}/consent-requests`, {
  dealSize: { amount: dealSize, currency: 'USD' }, disclaimerAccepted: true,
});
