// Uses the portal as people do, in a real browser: stories by clicks, by keyboard alone and without script, then every page
// in every language. What is not as it should be is told as visitor.mjs says.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { add, answer, button, focus, focused, follow, has, is, launch, portal, press, signIn, tell, text, visitor } from './visitor.mjs';
import { everywhere } from './everywhere.mjs';

const customers = (engagement, tab = 'eligible') => `${portal}/portal/engagements/${engagement}/customers?tab=${tab}`;
const status = (page) => page.getByRole('status').first().innerText();
const row = (page, name) => page.getByRole('row', { name });

// step goes on to a step of a form, where the focus is at the step's heading.
async function step(page, name) {
  await button(page, 'Next');
  is(page, await page.getByRole('heading', { level: 2 }).first().innerText(), name, 'the step');
  await focus(page, 'step', 'the focus');
}

async function fillContacts(page, address) {
  await page.getByLabel('Customer contact name').fill('Kim Customer');
  await page.getByLabel('Customer contact email').fill(address);
  await page.getByLabel('Partner contact name').fill('Ana Partner');
  await page.getByLabel('Partner contact email').fill('ana@northwind.example');
}

// A time zone without summer time: what it is called in the pages does not depend on the season.
const zone = { timezoneId: 'Asia/Tokyo' };
const zoneName = 'GMT+9';

// The life of a claim by clicks, of partner, customer and program.
async function life(browser) {
  const ana = await visitor(browser, 'adding', zone);
  await signIn(ana, 'Ana');
  is(ana, await ana.getByRole('heading', { level: 1 }).innerText(), 'What is next', 'the heading');
  is(ana, await ana.evaluate(() => document.cookie), '', 'what script can read of cookies');
  await follow(ana, 'Engagements');
  await follow(ana, 'Cloud Assessment');
  await ana.getByLabel('Search').fill('cont');
  await Promise.all([ana.waitForEvent('load'), ana.getByLabel('Search').press('Enter')]);
  await follow(ana, 'Add customer');
  await ana.getByLabel('Friendly name').fill('Contoso <b>moves</b>');
  await button(ana, 'Next');
  await focus(ana, 'summary', 'the focus after a mistake');
  has(ana, await ana.getByRole('alert').innerText(), 'Location');
  await ana.getByLabel('Location').selectOption('nw-seattle');
  await step(ana, 'Customer ID');

  // What is typed is judged at once, and whoever leaves is asked.
  await ana.getByLabel('Customer ID type').selectOption('domain');
  await ana.getByLabel('Customer ID', { exact: true }).fill('nowhere.example');
  await ana.getByText('No tenant was found').first().waitFor();
  await ana.getByLabel('Customer ID', { exact: true }).fill('contoso.example');
  await ana.locator('#live').getByText('Contoso can take part in').waitFor();
  has(ana, await ana.locator('#announcer').innerText(), 'Contoso can take part in');
  await ana.getByRole('link', { name: 'Go to the list' }).click();
  await ana.getByRole('dialog').getByText('Leave this form?').waitFor();
  await ana.keyboard.press('Escape');
  await focus(ana, 'leave', 'the focus after the question');
  is(ana, await ana.getByLabel('Customer ID', { exact: true }).inputValue(), 'contoso.example', 'what was typed');

  await step(ana, 'Engagements');
  has(ana, await text(ana), 'Application Modernization');
  await ana.getByLabel('Security Workshop').check();
  await step(ana, 'Contacts');
  await button(ana, 'Back');
  is(ana, await ana.getByLabel('Security Workshop').isChecked(), true, 'what Back shows');
  await ana.getByLabel('Security Workshop').uncheck();
  await step(ana, 'Contacts');
  await fillContacts(ana, 'kim@contoso.example');
  await step(ana, 'Review');
  await button(ana, 'Add customer');
  has(ana, await status(ana), 'Contoso <b>moves</b>');
  await focus(ana, 'done', 'the focus');
  const id = new URL(ana.url()).pathname.split('/').at(-1);

  ana.where = 'asking for consent';
  await ana.goto(customers('cloud-assessment'));
  await press(ana, row(ana, /Contoso/).getByRole('link', { name: 'Send consent email' }));
  await ana.getByLabel('Customer contact email').fill('nobody');
  await button(ana, 'Next');
  is(ana, await ana.getByLabel('Customer contact email').getAttribute('aria-invalid'), 'true', 'aria-invalid');
  is(ana, await ana.getByLabel('Customer contact email').inputValue(), 'nobody', 'what was typed');
  has(ana, await ana.getByRole('alert').innerText(), 'Customer contact email');
  await ana.getByLabel('Customer contact email').fill('kim@contoso.example');
  await step(ana, 'Deal size');
  await ana.getByLabel('Deal size (US dollars)').fill('60,000');
  await button(ana, 'Back');
  is(ana, await ana.getByLabel('Customer contact email').inputValue(), 'kim@contoso.example', 'what Back shows');
  await step(ana, 'Deal size');
  is(ana, await ana.getByLabel('Deal size (US dollars)').inputValue(), '60,000', 'what Next shows again');
  await Promise.all([ana.waitForEvent('load'), ana.getByLabel('Deal size (US dollars)').press('Enter')]);
  has(ana, await ana.frameLocator('iframe').locator('body').innerText(), 'Cloud Assessment');
  has(ana, await text(ana), '60,000.00 USD');
  await button(ana, 'Send for consent');
  has(ana, await ana.getByRole('alert').innerText(), 'disclaimer');
  await ana.getByLabel('I have read and accept the disclaimer').check();
  await button(ana, 'Send for consent');
  has(ana, await status(ana), 'Contoso');
  has(ana, await text(ana), zoneName);
  has(ana, await text(ana), 'UTC');

  // A row tells by itself that the customer has answered.
  ana.where = 'awaiting the answer';
  await ana.goto(customers('cloud-assessment'));
  has(ana, await row(ana, /Contoso/).innerText(), 'consent pending');
  await answer(browser, 'kim@contoso.example');
  await ana.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await row(ana, /Contoso/).getByText('consented', { exact: true }).waitFor();
  has(ana, await ana.locator('#announcer').innerText(), 'consented');

  ana.where = 'submission';
  await press(ana, row(ana, /Contoso/).getByRole('link', { name: 'Submit claim' }));
  await ana.getByLabel('Notes').fill('=done');
  await button(ana, 'Submit claim');
  const [receipt] = await Promise.all([ana.waitForEvent('download'), ana.getByRole('link', { name: 'Download receipt' }).click()]);
  is(ana, receipt.suggestedFilename(), 'consent-receipt.jws', 'the name of the receipt');

  const priya = await visitor(browser, 'review');
  await signIn(priya, 'Priya');
  is(priya, await priya.getByRole('heading', { level: 1 }).innerText(), 'Review queue', 'the heading');
  await follow(priya, 'Contoso');
  await button(priya, 'Return');
  has(priya, await priya.getByRole('alert').innerText(), 'reason');
  await priya.getByLabel('Reason').fill('The report is missing.');
  await button(priya, 'Return');
  has(priya, await status(priya), 'returned');
  await ana.goto(`${portal}/portal/claims/${id}`);
  has(ana, await text(ana), 'The report is missing.');
  await follow(ana, 'Submit claim');
  await button(ana, 'Submit claim');
  await priya.goto(`${portal}/portal/claims/${id}`);
  await button(priya, 'Complete');
  has(priya, await status(priya), 'completed');
  await ana.goto(customers('cloud-assessment', 'complete'));
  has(ana, await text(ana), 'Contoso <b>moves</b>');
  await ana.goto(portal + '/portal/claims?status=completed');
  const [csv] = await Promise.all([ana.waitForEvent('download'), ana.getByRole('link', { name: 'Export CSV' }).click()]);
  has(ana, readFileSync(await csv.path(), 'utf8'), 'Contoso <b>moves</b>');

  // Known by now, the customer is claimed for another engagement, and by an opportunity for one of variable pay.
  ana.where = 'claiming';
  await ana.goto(customers('tenant-review'));
  await press(ana, row(ana, /Contoso/).getByRole('link', { name: 'Claim customer' }));
  await ana.getByLabel('Friendly name').fill('Contoso again');
  await ana.getByLabel('Location').selectOption('nw-seattle');
  await step(ana, 'Engagements');
  is(ana, await ana.getByLabel('Tenant Review').isChecked(), true, 'the engagement');
  await step(ana, 'Contacts');
  await fillContacts(ana, 'kim@contoso.example');
  await step(ana, 'Review');
  await button(ana, 'Claim customer');
  has(ana, await status(ana), 'Contoso again');
  ana.where = 'variable pay';
  await ana.goto(customers('migration-delivery'));
  await press(ana, row(ana, /Contoso/).getByRole('link', { name: 'Claim customer' }));
  await ana.getByLabel('Friendly name').fill('Contoso by the hour');
  await ana.getByLabel('Location').selectOption('nw-seattle');
  await step(ana, 'Engagements');
  await ana.getByLabel('MSX opportunity ID').fill('opp-0001-8');
  await ana.getByLabel('Migration Delivery').check();
  await ana.getByLabel('Hours').fill('100');
  await ana.locator('#live').getByText('USD').first().waitFor();
  await step(ana, 'Contacts');
  await fillContacts(ana, 'kim@contoso.example');
  await step(ana, 'Review');
  await button(ana, 'Claim customer');
  has(ana, await status(ana), 'Contoso');
}

// Referral admins upgrade a referral that has come to qualify, and sellers see it.
async function upgrade(browser) {
  const nora = await visitor(browser, 'upgrade');
  await signIn(nora, 'Nora');
  await follow(nora, 'Referrals');
  await follow(nora, 'Woodgrove');
  await button(nora, 'Upgrade to co-sell');
  has(nora, await status(nora), 'upgraded');
  const felix = await visitor(browser, 'seller');
  await signIn(felix, 'Felix');
  is(felix, await felix.getByRole('heading', { level: 1 }).innerText(), 'Co-sell referrals', 'the heading');
  await follow(felix, 'Woodgrove');
  await follow(felix, 'Go to the claim');
  has(felix, await text(felix), 'consented');
  if ((await text(felix)).includes('kim@')) tell(felix, 'sellers see the address of the customer');
}

const columns = 'friendlyName,locationId,idType,idValue,hours,mismatchReason,customerName,customerEmail,customerPhone,locale,partnerName,partnerEmail,partnerPhone';

// Many customers from a file, with script and without.
async function fromAFile(browser, person, domain, javaScriptEnabled) {
  const page = await visitor(browser, `from a file, script: ${javaScriptEnabled}`, { javaScriptEnabled });
  await signIn(page, person);
  await page.goto(customers('cloud-assessment'));
  await follow(page, 'Add from a file');
  const file = join(tmpdir(), `customers-${process.pid}-${domain}.csv`);
  const line = (name, domain, email) => `\n${name},nw-seattle,domain,${domain},,,Kim,${email},,,Ana,ana@northwind.example,`;
  const choose = async (content) => {
    writeFileSync(file, content);
    await page.getByLabel('CSV file').setInputFiles(file);
    await button(page, 'Check');
  };
  await choose(columns + line('', domain, 'kim'));
  has(page, await page.getByRole('alert').innerText(), 'Line 2: Friendly name');
  is(page, await page.getByRole('button', { name: 'Add customers' }).count(), 0, 'how often adding is offered');
  await choose(columns + line('From a file', domain, 'kim@' + domain) + line('Not eligible', 'adatum.example', 'kim@adatum.example'));
  has(page, await text(page), '1 of 2 rows can be added');
  await page.locator('footer select').selectOption('fr'); // by which script goes to the language at once
  if (!javaScriptEnabled) await press(page, page.locator('footer button'));
  await page.locator('html[lang=fr]').waitFor();
  await page.waitForLoadState();
  await page.locator('footer select').selectOption('en');
  if (!javaScriptEnabled) await press(page, page.locator('footer button'));
  await page.locator('html[lang=en]').waitFor();
  await page.waitForLoadState(); // so that the next page's load is what comes next
  await button(page, 'Add customers');
  has(page, await status(page), 'All 2 rows are done, 1 customers were added.');
  const [outcome] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download the outcome' }).click()]);
  has(page, readFileSync(await outcome.path(), 'utf8'), 'does not meet');
  await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download the outcome' }).click()]);
  await page.goto(customers('cloud-assessment'));
  has(page, await text(page), 'From a file');
  await page.context().close();
}

// Without script all of it works; and who signs out leaves nothing behind.
async function withoutScript(browser) {
  const ben = await visitor(browser, 'without script', { ...zone, javaScriptEnabled: false });
  await signIn(ben, 'Ben');
  await ben.goto(customers('cloud-assessment'));
  await follow(ben, 'Add customer');
  await ben.getByLabel('Friendly name').fill('Without script');
  await button(ben, 'Next');
  await ben.getByLabel('Customer ID type').selectOption('domain');
  await ben.getByLabel('Customer ID', { exact: true }).fill('contoso-pharma.example');
  await button(ben, 'Next');
  await button(ben, 'Next');
  await fillContacts(ben, 'kim@contoso-pharma.example');
  await ben.locator('footer select').selectOption('fr');
  await press(ben, ben.locator('footer button'));
  is(ben, await ben.locator('html').getAttribute('lang'), 'fr', 'the language');
  is(ben, await ben.locator('#customerEmail').inputValue(), 'kim@contoso-pharma.example', 'what was typed');
  await ben.locator('footer select').selectOption('en');
  await press(ben, ben.locator('footer button'));
  await button(ben, 'Next');
  await button(ben, 'Add customer');
  has(ben, await status(ben), 'Without script');
  const claim = ben.url().split('?')[0];
  await follow(ben, 'Send consent email');
  await button(ben, 'Next');
  await ben.getByLabel('Deal size (US dollars)').fill('1000');
  await button(ben, 'Next');
  await ben.getByLabel('I have read and accept the disclaimer').check();
  await button(ben, 'Send for consent');
  await answer(browser, 'kim@contoso-pharma.example', 'Decline');
  await ben.goto(claim);
  has(ben, await text(ben), 'The customer declined.');
  if ((await text(ben)).includes(zoneName)) tell(ben, 'the time is local without script');
  await ben.goto(portal + '/portal/claims');
  await ben.getByLabel('Status').selectOption('declined');
  await ben.getByLabel('Location').selectOption('nw-seattle');
  await button(ben, 'Filter');
  has(ben, await text(ben), 'Without script');
  await button(ben, 'Sign out');
  is(ben, await ben.getByRole('heading', { level: 1 }).innerText(), 'Sign in', 'what follows signing out');
  await ben.goBack();
  if ((await ben.locator('body').innerText()).includes('Without script')) tell(ben, 'Back shows a page after signing out');
  await ben.goto(claim);
  is(ben, await ben.getByRole('heading', { level: 1 }).innerText(), 'Sign in', 'what a signed-out reader sees');
}

// By keyboard alone through the whole form that adds a customer, and to its cancellation.
async function byKeyboard(browser) {
  const rui = await visitor(browser, 'by keyboard');
  await signIn(rui, 'Rui');
  await rui.goto(customers('cloud-assessment').replace('?tab=eligible', '/add'));
  const key = (name) => rui.keyboard.press(name);
  const type = (typed) => rui.keyboard.type(typed);
  const until = async (want) => {
    for (let i = 0; i < 40; i++) {
      if (await rui.evaluate((want) => document.activeElement.matches(want), want)) return;
      await key('Tab');
    }
    tell(rui, `Tab does not come to ${want}, but to ${await focused(rui)}`);
  };
  const enter = () => Promise.all([rui.waitForEvent('load'), key('Enter')]);
  await key('Tab');
  await focus(rui, 'skip', 'the first stop');
  await key('Enter');
  await until('#friendlyName');
  await type('By keyboard');
  await enter();
  await until('#idType');
  await type('D'); // the one type that begins so: a list forgets letters that are not typed at once
  await until('#idValue');
  await type('boulangerie-lefevre.example');
  await enter();
  await until('input[value=rapid-briefing]');
  await key('Space');
  await enter();
  for (const [field, value] of [['customerName', 'Kim'], ['customerEmail', 'kim@boulangerie-lefevre.example'], ['partnerName', 'Rui'], ['partnerEmail', 'rui@northwind.example']]) {
    await until('#' + field);
    await type(value);
  }
  await enter();
  await until('button.primary');
  await enter();
  has(rui, await status(rui), 'By keyboard');
  await until('a[href$=cancellation]');
  await enter();
  await until('#reason');
  await type('It was a trial.');
  await until('button.danger');
  await enter();
  has(rui, await status(rui), 'cancelled');
}

// What was typed when a session ends waits until one has signed in again beside it.
async function sessionEnds(browser) {
  const joao = await visitor(browser, 'the session ends');
  await signIn(joao, 'Ana');
  const id = await add(joao, 'tundra-shipping.example', 'Interrupted');
  await joao.goto(`${portal}/portal/claims/${id}/cancellation`);
  await joao.getByLabel('Reason').fill('Typed before the end.');
  await joao.context().clearCookies();
  await button(joao, 'Cancel claim');
  is(joao, await joao.getByRole('heading', { level: 1 }).innerText(), 'Your session has ended', 'the heading');
  const [beside] = await Promise.all([joao.context().waitForEvent('page'), joao.getByRole('link', { name: 'Sign in in a new tab' }).click()]);
  await beside.getByRole('button', { name: 'Ana' }).first().click();
  await beside.getByRole('heading', { name: 'You are signed in' }).waitFor();
  await button(joao, 'Continue');
  has(joao, await status(joao), 'cancelled');
  has(joao, await text(joao), 'Typed before the end.');
}

const browser = await launch();
const told = async (story, ...given) => {
  try {
    return await story(browser, ...given);
  } catch (error) {
    console.log(`${story.name}: ${error.stack}`);
  }
};
// Two at a time, as there are cores.
await Promise.all([
  told(life).then(() => told(upgrade)),
  told(withoutScript).then(() => told(byKeyboard)).then(() => told(sessionEnds))
    .then(() => told(fromAFile, 'Ana', 'ember-textiles.example', true)).then(() => told(fromAFile, 'Ben', 'cedar-health.example', false)),
]);
await told(everywhere);
await browser.close();
