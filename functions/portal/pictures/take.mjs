// Takes the pictures of the portal, in light colours, with a little work in each status.
import { join } from 'node:path';
import { add, answer, ask, button, call, launch, portal, signIn, visitor } from '../testdata/visitor.mjs';

const folder = process.argv[6];
const browser = await launch();
const ana = await visitor(browser, 'pictures', { viewport: { width: 1200, height: 760 }, colorScheme: 'light', timezoneId: 'Europe/Paris' });
const take = (name) => ana.screenshot({ path: join(folder, name + '.png') });
try {
  await signIn(ana, 'Ana');
  const claims = {};
  for (const [domain, name] of [['contoso', 'Cloud move 2027'], ['woodgrove', 'Branch network'], ['cafe-sao-bento', 'Till to cloud'],
    ['boulangerie-lefevre', 'First steps'], ['yushan-tea', 'Shop and stock']]) {
    claims[domain] = await add(ana, domain + '.example', name);
  }
  for (const domain of ['contoso', 'woodgrove', 'cafe-sao-bento', 'yushan-tea']) await ask(ana, claims[domain], '60000.00');
  for (const domain of ['contoso', 'yushan-tea']) await answer(browser, `kim@${domain}.example`);
  await call(ana, 'POST', `/v1/claims/${claims['yushan-tea']}/submission`, { completedOn: new Date().toISOString().slice(0, 10), notes: '' });

  const customers = portal + '/portal/engagements/cloud-assessment/customers';
  await ana.goto(customers);
  await take('customers');
  await ana.goto(`${portal}/portal/claims/${claims.contoso}`);
  await take('claim');
  await ana.goto(customers + '/add');
  await ana.getByLabel('Friendly name').fill('Warehouse in the cloud');
  await ana.getByLabel('Location').selectOption('nw-seattle');
  await button(ana, 'Next');
  await ana.getByLabel('Customer ID type').selectOption('domain');
  await ana.getByLabel('Customer ID', { exact: true }).fill('granite-insurance.example');
  await ana.locator('#live').getByText('can take part in').waitFor();
  await button(ana, 'Next');
  await take('add');
} finally {
  await browser.close();
}
