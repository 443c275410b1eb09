// Every page in every language, in light and dark, narrow and with large text, and once more with its script's request
// aborted.
import { add, answer, ask, call, is, look, own, portal, press, signIn, tell, visitor } from './visitor.mjs';

const busy = process.argv[6]; // a portal whose API has too many claims for a file, and no time for all else
own.push(busy + '/');
const languages = ['en', 'zh-TW', 'pt-BR', 'ja', 'fr', 'tr'];
const maxBytes = 61_440; // of a first visit in all
const columns = 'friendlyName,locationId,idType,idValue,hours,mismatchReason,customerName,customerEmail,customerPhone,locale,partnerName,partnerEmail,partnerPhone';
// Only adding finds that the partner's contact is at another company: the row is refused each time.
const line = (name, domain) => `\n${name},fb-taipei,domain,${domain},,,Kim,kim@${domain},,,Mei,mei@elsewhere.example,`;

// prepare has somebody of each role sign in, and makes a claim for each page.
async function prepare(browser) {
  const people = {};
  for (const person of ['Ana', 'Mei', 'Priya', 'Nora', 'Felix']) {
    people[person] = await visitor(browser, 'before the tour');
    await signIn(people[person], person);
  }
  const { Ana: ana } = people;
  const made = {
    notSent: await add(ana, 'granite-insurance.example', 'Not sent yet'),
    pending: await add(ana, 'river-media.example', 'Awaiting an answer'),
    consented: await add(ana, 'quartz-insurance.example', 'Consented'),
    submitted: await add(ana, 'amber-valley-foods.example', 'Submitted'),
  };
  for (const [claim, domain] of [['pending', 'river-media'], ['consented', 'quartz-insurance'], ['submitted', 'amber-valley-foods']]) {
    await ask(ana, made[claim], '60000.00');
    if (claim !== 'pending') await answer(browser, `kim@${domain}.example`);
  }
  await call(ana, 'POST', `/v1/claims/${made.submitted}/submission`, { completedOn: new Date().toISOString().slice(0, 10), notes: 'Two\nlines' });
  made.referral = (await call(people.Nora, 'GET', '/v1/referrals')).referrals[0].id;
  [made.coSell] = (await call(people.Felix, 'GET', '/v1/referrals')).referrals;
  made.declined = (await call(ana, 'GET', '/v1/claims?status=declined')).claims[0].id;
  made.known = (await call(ana, 'GET', '/v1/claims/' + made.submitted)).customer.id;
  made.cookies = Object.fromEntries(await Promise.all(Object.entries(people).map(async ([person, page]) => [person, await page.context().cookies()])));
  for (const page of Object.values(people)) await page.context().close();
  return made;
}

// tour goes through all pages in a language, and through the steps of each form.
async function tour(browser, made, language, bare) {
  const open = async (person) => {
    const page = await visitor(browser, 'touring in ' + language, { locale: language });
    await page.context().addCookies(made.cookies[person]);
    if (bare) await page.route('**/*.mjs', (route) => route.abort());
    return page;
  };
  const ana = await open('Ana');
  const seen = (page, name) => look(page, `${name} in ${language}${bare ? ' without its script' : ''}`, { bare });
  const visit = async (page, path, status = 200) => {
    const answered = await page.goto(new URL(path, portal).href);
    if (answered.status() !== status) tell(page, `${path} is answered ${answered.status()}`);
    if (await page.locator('html').getAttribute('lang') !== language) tell(page, `${path} is in another language`);
    await seen(page, path);
  };
  const next = async (name, summaries = 0) => {
    await press(ana, ana.locator('#form button.primary'));
    await seen(ana, name);
    is(ana, await ana.locator('.summary').count(), summaries, 'how often mistakes are listed');
  };
  const fillContacts = async () => {
    await ana.locator('#customerName').fill('Kim');
    await ana.locator('#customerEmail').fill('kim@northwind.example');
    await ana.locator('#partnerName').fill('Ana');
    await ana.locator('#partnerEmail').fill('ana@northwind.example');
  };
  const engagement = '/portal/engagements/cloud-assessment/customers';
  for (const path of ['/portal', '/portal/engagements', engagement, engagement + '?tab=ineligible', engagement + '?tab=complete',
    '/portal/claims', '/portal/claims/' + made.pending, '/portal/claims/' + made.declined, `/portal/claims/${made.consented}/submission`,
    '/portal/signed-in']) await visit(ana, path);
  await visit(ana, '/portal/nowhere', 404);
  await visit(ana, '/portal/review', 403);
  await visit(ana, '/portal/callback?code=x&state=y', 400);
  await visit(ana, busy + '/portal/engagements', 503);
  await visit(ana, busy + '/portal/claims.csv', 422);

  await visit(ana, engagement + '/add');
  await next('Name and location with mistakes', 1);
  await ana.locator('#friendlyName').fill('A new one');
  await ana.locator('#locationId').selectOption('nw-seattle');
  await next('Customer ID');
  await ana.locator('#idType').selectOption('domain');
  await ana.locator('#idValue').fill('indigo-shipping.example');
  if (!bare) await ana.locator('#live p').first().waitFor();
  await next('Engagements');
  await next('Contacts');
  await fillContacts();
  await next('Review of a nomination');

  await visit(ana, `/portal/customers/${made.known}/claim?engagement=ai-build`);
  await ana.locator('#friendlyName').fill('Again');
  await ana.locator('#locationId').selectOption('nw-seattle');
  await next('Engagements of variable pay');
  await ana.locator('#opportunityId').fill('opp-0013-1');
  await ana.locator('#hours').fill('100');
  await next('Contacts of a claim');
  await fillContacts();
  await next('Review of a claim');

  await visit(ana, `/portal/claims/${made.notSent}/consent`);
  await next('Deal size');
  await ana.locator('#dealSize').fill('1000');
  await next('Review of an email');
  await visit(ana, `/portal/claims/${made.notSent}/cancellation`);
  await ana.context().clearCookies();
  await press(ana, ana.locator('main button.danger'));
  await seen(ana, 'the session has ended');
  await ana.goto('about:blank');
  await ana.setContent(`<form method="post" action="${portal}/portal/language"><button></button></form>`);
  await press(ana, ana.locator('button'));
  await seen(ana, 'a form of nobody');
  await ana.context().close();

  const mei = await open('Mei');
  await visit(mei, engagement + '/import');
  const choose = async (content, name) => {
    await mei.locator('#csv').setInputFiles({ name: 'customers.csv', mimeType: 'text/csv', buffer: Buffer.from(content) });
    await press(mei, mei.locator('button[value=check]'));
    await seen(mei, name);
  };
  await choose(columns + line('', 'indigo-shipping.example'), 'a file with mistakes');
  await choose(columns + line('Fits', 'indigo-shipping.example') + line('Does not', 'adatum.example'), 'a file with verdicts');
  await press(mei, mei.locator('button[value=add]'));
  await seen(mei, 'what became of a file');
  await mei.context().close();

  for (const [person, ...paths] of [['Priya', '/portal', '/portal/review', '/portal/claims/' + made.submitted],
    ['Felix', '/portal', '/portal/claims/' + made.coSell.claimId, '/portal/referrals/' + made.coSell.id],
    ['Nora', '/portal', '/portal/referrals', '/portal/referrals/' + made.referral]]) {
    const page = await open(person);
    for (const path of paths) await visit(page, path);
    await page.context().close();
  }
}

// A first visit is small.
async function firstVisit(browser, made, path) {
  const page = await visitor(browser, 'first visit of ' + path);
  await page.context().addCookies(made.cookies.Ana);
  const bodies = [];
  page.on('response', (r) => bodies.push(r.body().then((body) => body.length, () => 0)));
  await page.goto(portal + path, { waitUntil: 'networkidle' });
  const size = (await Promise.all(bodies)).reduce((sum, n) => sum + n, 0);
  if (size > maxBytes) tell(page, `it takes ${size} bytes`);
  await page.context().close();
}

export async function everywhere(browser) {
  const made = await prepare(browser);
  for (const path of ['/portal', '/portal/engagements', '/portal/engagements/cloud-assessment/customers', '/portal/claims/' + made.submitted]) {
    await firstVisit(browser, made, path);
  }
  const tours = languages.flatMap((language) => [[language, false], [language, true]]);
  const go = async () => { for (let next; (next = tours.shift());) await tour(browser, made, ...next); };
  await Promise.all([go(), go()]); // as there are cores
}
