// Verifies receipts with the JOSE library from npm, which knows nothing of this product: JSON in has the published keys
// and receipts, JSON out says of each what it holds or why it is refused. Its one argument is the folder of the node
// modules.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const require = createRequire(join(process.argv[2], 'node_modules', 'here.js'));
const { createLocalJWKSet, jwtVerify } = await import(require.resolve('jose'));

const { keys, receipts } = JSON.parse(readFileSync(0, 'utf8'));
const published = createLocalJWKSet(keys);
const verdicts = receipts.map(async (receipt) => {
  try {
    const { protectedHeader, payload } =
      await jwtVerify(receipt, published, { algorithms: ['ES256'], typ: 'consent-receipt+jwt' });
    return { header: protectedHeader, payload };
  } catch (error) {
    return { refused: error.code ?? String(error) };
  }
});
process.stdout.write(JSON.stringify(await Promise.all(verdicts)));
