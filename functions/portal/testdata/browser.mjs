// Uses the portal as people do, in a real browser, and writes a line for everything that is not as it should be.
// Arguments: the folder of the node modules, the portal's address, the mailbox's address.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [, , modules, portal, mailbox] = process.argv;
const require = createRequire(join(modules, 'node_modules', 'here.js'));
const { chromium } = require('playwright-core');
const { HtmlValidate } = await import(require.resolve('html-validate').replace('/cjs/index.js', '/esm/index.js'));
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const languages = ['en', 'zh-TW', 'pt-BR', 'ja', 'fr', 'tr'];

// The packaged browser is for Linux on x64; elsewhere the machine's own Chrome is used.
async function launch() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return chromium.launch({ channel: 'chrome' });
  const packaged = (await import(require.resolve('@sparticuz/chromium'))).default;
  return chromium.launch({ executablePath: await packaged.executablePath(), args: ['--no-sandbox', '--disable-gpu'] });
}

let where = 'starting';
const tell = (problem) => console.log(`${where}: ${problem}`);
const is = (got, want, what) => { if (got !== want) tell(`${what} is ${JSON.stringify(got)}, not ${JSON.stringify(want)}`); };
const has = (text, part) => { if (!text.includes(part)) tell(`${JSON.stringify(part)} is not in ${JSON.stringify(text.slice(0, 600))}`); };

const validator = new HtmlValidate({
  extends: ['html-validate:standard'],
  rules: {
    'doctype-style': 'off', 'void-style': 'off', 'attr-quotes': 'off', 'long-title': 'off', 'no-trailing-whitespace': 'off',
    'attribute-boolean-style': 'off', 'attribute-empty-style': 'off', 'require-sri': 'off',
  },
});

// visitor opens a browser for somebody, whose pages' complaints and requests to elsewhere are told.
async function visitor(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en', ...options });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  // axe itself asks the email's frame, which does not answer.
  const expected = (text) => text.startsWith('Failed to load resource') || text.includes("'postMessage' on 'DOMWindow'");
  page.on('console', (m) => { if (!expected(m.text())) tell(`the browser says ${m.text()}`); });
  page.on('pageerror', (e) => tell(`the script fails: ${e}`));
  page.on('request', (r) => { if (!r.url().startsWith(portal) && !r.url().startsWith('data:')) tell(`the page asks for ${r.url()}`); });
  return page;
}

async function signIn(page, person) {
  await page.goto(portal + '/');
  await page.getByRole('button', { name: person }).first().click();
  await page.waitForURL(portal + '/portal');
}

// look holds the page against what every page keeps to: accessible, valid, nothing cut off.
async function look(page, name, { narrow = true, valid = true } = {}) {
  where = name;
  const found = await page.evaluate(async (source) => {
    if (!globalThis.axe) (0, eval)(source);
    const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    return (await globalThis.axe.run({ runOnly: rules })).violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
  }, axe).catch((error) => [`axe does not run: ${error}`]);
  found.forEach(tell);
  if (valid) {
    const report = await validator.validateString(await page.content());
    report.results.forEach((r) => r.messages.forEach((m) => tell(`HTML ${m.ruleId}: ${m.message} (${m.selector})`)));
  }
  if (!narrow) return;
  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  await page.setViewportSize({ width: 320, height: 800 });
  if (await overflow() > 0) tell('at 320 pixels the page runs over the edge');
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.evaluate(() => { document.documentElement.style.fontSize = '200%'; });
  if (await overflow() > 0) tell('with text of 200 % the page runs over the edge');
  await page.evaluate(() => { document.documentElement.style.fontSize = ''; });
}

// add nominates a customer by the API, as another program of the partner would.
async function add(page, tenant, name) {
  const token = (await page.context().cookies()).find((c) => c.name === 'portal-id-token').value;
  const answer = await fetch(portal + '/v1/customers', {
    method: 'POST', headers: { Authorization: 'Bearer ' + token, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      friendlyName: name, locationId: 'nw-seattle', customerId: { type: 'domain', value: tenant }, engagementIds: ['cloud-assessment'],
      customerContact: { name: 'Kim Customer', email: 'kim@' + tenant }, partnerContact: { name: 'Ana Partner', email: 'ana@northwind.example' },
    }),
  });
  if (answer.status !== 201) tell(`adding is answered ${answer.status} ${await answer.text()}`);
  return (await answer.json()).claims[0].id;
}

async function consentLink(address) {
  const { emails } = await (await fetch(mailbox + '/store')).json();
  const mine = emails.filter((e) => e.destination.to.some((to) => to.includes(address)));
  return mine.at(-1)?.body.text.match(/https?:\S*\/consent\/[A-Za-z0-9_.~%-]+/)?.[0].replace(/\.$/, '');
}

const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.localName);
const text = (page) => page.locator('main').innerText();

// The life of a claim by clicks, of partner, customer, staff.
async function story(browser) {
  where = 'story';
  const ana = await visitor(browser, { timezoneId: 'Europe/Berlin' });
  await signIn(ana, 'Ana');
  await look(ana, 'Home');
  is(await ana.getByRole('heading', { level: 1 }).innerText(), 'What is next', 'the heading');
  const id = await add(ana, 'contoso.example', 'Contoso <b>moves</b>');
  await ana.getByRole('link', { name: 'Engagements' }).click();
  await look(ana, 'Engagements');
  await ana.getByRole('link', { name: 'Cloud Assessment' }).click();
  await look(ana, 'Customers');
  await ana.getByLabel('Search').fill('cont');
  await ana.getByLabel('Search').press('Enter');
  await ana.getByRole('row', { name: /Contoso/ }).getByRole('link', { name: 'Send consent email' }).click();

  await look(ana, 'Contacts');
  await ana.getByLabel('Customer contact email').fill('nobody');
  await ana.getByRole('button', { name: 'Next' }).click();
  await look(ana, 'Contacts with a mistake');
  is(await ana.getByLabel('Customer contact email').getAttribute('aria-invalid'), 'true', 'aria-invalid');
  is(await ana.getByLabel('Customer contact email').inputValue(), 'nobody', 'what was typed');
  has(await ana.getByRole('alert').innerText(), 'Customer contact email');
  await ana.getByLabel('Customer contact email').fill('kim@contoso.example');
  await ana.getByRole('button', { name: 'Next' }).click();
  await look(ana, 'Deal size');
  is(await focused(ana), 'step', 'the focus');
  await ana.getByLabel('Deal size (US dollars)').fill('60,000');
  await ana.getByRole('button', { name: 'Back' }).click();
  is(await ana.getByLabel('Customer contact email').inputValue(), 'kim@contoso.example', 'what Back shows');
  await ana.getByRole('button', { name: 'Next' }).click();
  is(await ana.getByLabel('Deal size (US dollars)').inputValue(), '60,000', 'what Next shows again');
  await ana.getByLabel('Deal size (US dollars)').press('Enter');
  await look(ana, 'Review');
  has(await ana.frameLocator('iframe').locator('body').innerText(), 'Cloud Assessment');
  has(await text(ana), '60,000.00 USD');
  await ana.getByRole('button', { name: 'Send for consent' }).click();
  has(await ana.getByRole('alert').innerText(), 'disclaimer');
  await ana.getByLabel('I have read and accept the disclaimer').check();
  await ana.getByRole('button', { name: 'Send for consent' }).click();
  await ana.waitForURL(/done=sent/);
  await look(ana, 'Claim');
  has(await ana.getByRole('status').first().innerText(), 'Contoso');
  has(await text(ana), 'consent pending');
  has(await text(ana), 'CET');
  has(await text(ana), 'UTC');

  where = 'the customer';
  const kim = await visitor(browser);
  await kim.goto(await consentLink('kim@contoso.example'));
  await kim.getByRole('button', { name: 'Accept' }).click();

  where = 'submission';
  await ana.goto(`${portal}/portal/claims/${id}`);
  has(await text(ana), 'consented');
  const [download] = await Promise.all([ana.waitForEvent('download'), ana.getByRole('link', { name: 'Download receipt' }).click()]);
  is(download.suggestedFilename(), 'consent-receipt.jws', 'the name of the receipt');
  await ana.getByRole('link', { name: 'Submit claim' }).click();
  await look(ana, 'Submission');
  await ana.getByLabel('Notes').fill('=done');
  await ana.getByRole('button', { name: 'Submit claim' }).click();
  await ana.waitForURL(/done=submitted/);

  where = 'review';
  const priya = await visitor(browser);
  await signIn(priya, 'Priya');
  await look(priya, 'Review queue');
  await priya.getByRole('link', { name: 'Contoso' }).first().click();
  await look(priya, 'Review of a claim');
  await priya.getByRole('button', { name: 'Return' }).click();
  has(await priya.getByRole('alert').innerText(), 'reason');
  await priya.getByLabel('Reason').fill('The report is missing.');
  await priya.getByRole('button', { name: 'Return' }).click();
  await priya.waitForURL(/done=return/);
  where = 'after the return';
  await ana.goto(`${portal}/portal/claims/${id}/submission`);
  await ana.getByRole('button', { name: 'Submit claim' }).click();
  await ana.waitForURL(/done=submitted/);
  await priya.goto(`${portal}/portal/claims/${id}`);
  await priya.getByRole('button', { name: 'Complete' }).click();
  await priya.waitForURL(/done=complete/);
  await ana.goto(`${portal}/portal/engagements/cloud-assessment/customers?tab=complete`);
  has(await text(ana), 'Contoso <b>moves</b>');
  await ana.getByRole('link', { name: 'Ineligible' }).click();
  await look(ana, 'Ineligible');
  await ana.goto(`${portal}/portal/claims`);
  await look(ana, 'Claims');
  const [csv] = await Promise.all([ana.waitForEvent('download'), ana.getByRole('link', { name: 'Export CSV' }).click()]);
  has(readFileSync(await csv.path(), 'utf8'), 'Contoso <b>moves</b>');

  where = 'referrals';
  const felix = await visitor(browser);
  await signIn(felix, 'Felix');
  await look(felix, 'Co-sell referrals');
  is(await felix.getByRole('heading', { level: 1 }).innerText(), 'Co-sell referrals', 'the heading');
  const nora = await visitor(browser);
  await signIn(nora, 'Nora');
  await nora.goto(portal + '/portal/referrals');
  await look(nora, 'Referrals');
  await nora.getByRole('link', { name: 'Contoso' }).first().click();
  await look(nora, 'Referral');
  return { ana, priya, nora, id };
}

// Every page in every language, loaded once each, in the dark too.
async function everywhere({ ana, priya, nora, id }) {
  const pages = [
    [ana, '/portal'], [ana, '/portal/engagements'], [ana, '/portal/engagements/cloud-assessment/customers'],
    [ana, '/portal/engagements/cloud-assessment/customers?tab=complete'], [ana, '/portal/engagements/cloud-assessment/customers/add'],
    [ana, '/portal/engagements/cloud-assessment/customers/import'], [ana, '/portal/claims'], [ana, `/portal/claims/${id}`],
    [priya, '/portal/review'], [nora, '/portal/referrals'], [ana, '/portal/nowhere'],
  ];
  for (const language of languages) {
    for (const page of [ana, priya, nora]) {
      where = 'choosing ' + language;
      await page.goto(portal + '/portal/engagements');
      await Promise.all([page.waitForLoadState('load'), page.locator('footer select').selectOption(language)]);
      await page.waitForFunction((l) => document.documentElement.lang === l, language);
    }
    for (const [page, path] of pages) {
      await page.emulateMedia({ colorScheme: language === 'ja' || language === 'fr' ? 'dark' : 'light' });
      await page.goto(portal + path);
      await look(page, `${path} in ${language}`, { valid: language === 'tr' });
    }
  }
}

// A first visit is small, and a page whose script does not come is whole.
async function firstVisits(browser, { ana, id }) {
  for (const path of ['/portal', '/portal/engagements/cloud-assessment/customers', `/portal/claims/${id}`]) {
    where = 'first visit of ' + path;
    const page = await visitor(browser);
    await page.context().addCookies((await ana.context().cookies()).filter((c) => c.name.startsWith('portal-')));
    const bodies = [];
    page.on('response', (r) => bodies.push(r.body().then((body) => body.length, () => 0)));
    await page.goto(portal + path, { waitUntil: 'networkidle' });
    const size = (await Promise.all(bodies)).reduce((sum, n) => sum + n, 0);
    if (size > 61_440) tell(`it takes ${size} bytes`);
    await page.route('**/*.mjs', (route) => route.abort());
    await page.reload();
    await look(page, path + ' without its script');
    await page.context().close();
  }
}

// Without script all of it works.
async function withoutScript(browser) {
  where = 'without script';
  const ben = await visitor(browser, { javaScriptEnabled: false });
  await signIn(ben, 'Ben');
  const id = await add(ben, 'contoso-pharma.example', 'Without script');
  await ben.goto(`${portal}/portal/claims/${id}`);
  await ben.locator('footer select').selectOption('fr');
  await ben.locator('footer button').click();
  is(await ben.locator('html').getAttribute('lang'), 'fr', 'the language');
  is(ben.url(), `${portal}/portal/claims/${id}`, 'the page');
  await ben.locator('footer select').selectOption('en');
  await ben.locator('footer button').click();
  await ben.getByRole('link', { name: 'Cancel claim' }).click();
  await ben.getByLabel('Reason').fill('It was a mistake.');
  await ben.getByRole('button', { name: 'Cancel claim' }).click();
  has(await text(ben), 'cancelled');
  await ben.getByRole('button', { name: 'Sign out' }).click();
  is(await ben.getByRole('heading', { level: 1 }).innerText(), 'Sign in', 'what follows signing out');
  await ben.goto(`${portal}/portal/claims/${id}`);
  is(await ben.getByRole('heading', { level: 1 }).innerText(), 'Sign in', 'what a signed-out reader sees');
}

// By keyboard alone, from the page's top to the claim's cancellation page and through the consent's first step.
async function byKeyboard(browser) {
  where = 'by keyboard';
  const ana = await visitor(browser);
  await signIn(ana, 'Ana');
  const id = await add(ana, 'woodgrove.example', 'By keyboard');
  await ana.goto(`${portal}/portal/claims/${id}/consent`);
  await ana.keyboard.press('Tab');
  is(await ana.evaluate(() => document.activeElement.className), 'skip', 'the first stop');
  await ana.keyboard.press('Enter');
  const until = async (want) => {
    for (let i = 0; i < 25; i++) {
      if (await focused(ana) === want) return;
      await ana.keyboard.press('Tab');
    }
    tell(`Tab does not come to ${want}`);
  };
  await until('customerName');
  await ana.keyboard.press('End');
  await ana.keyboard.type(' Senior');
  await Promise.all([ana.waitForLoadState('load'), ana.keyboard.press('Enter')]);
  await ana.waitForSelector('#dealSize');
  await until('dealSize');
  await ana.keyboard.type('1000');
  await Promise.all([ana.waitForLoadState('load'), ana.keyboard.press('Enter')]);
  await ana.waitForSelector('#disclaimerAccepted');
  has(await ana.frameLocator('iframe').locator('body').innerText(), 'Kim Customer Senior');
  await until('disclaimerAccepted');
  await ana.keyboard.press('Space');
  await Promise.all([ana.waitForURL(/done=sent/), ana.keyboard.press('Enter')]);
}

const browser = await launch();
try {
  const people = await story(browser);
  await withoutScript(browser);
  await byKeyboard(browser);
  await everywhere(people);
  await firstVisits(browser, people);
} catch (error) {
  tell(String(error));
}
await browser.close();
