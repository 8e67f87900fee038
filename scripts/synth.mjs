import { runFresh } from './fresh.mjs';

// The cdk8s app, as `npm run synth` and `npx cdk8s synth` run it.
await runFresh('synth');
