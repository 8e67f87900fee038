import { writeFile } from 'node:fs/promises';
import { playReal } from '../e2e/support/real-stage.ts';
import { connect, loadKubeconfig } from '../promotion/cluster/kubernetes.ts';
import { divergences } from '../test/traces/compare.ts';
import { documentOf } from '../test/traces/document.ts';
import { scenarios } from '../test/traces/scenarios.ts';
import { controllerVersion, writeTrace } from '../test/traces/trace.ts';

// Records what the real controller does in each scenario, or in those whose name contains one of the arguments. Run it inside a
// testbed of kind fake. Each is played twice: what differs from one time to the next is luck and recorded by nobody.

const AT_ONCE = 6;

const config = loadKubeconfig({});
const { gitVersion: kubernetes } = await connect(config, 'default').ask<{ gitVersion: string }>('GET', '/version');
const argoRollouts = await controllerVersion();
const wanted = process.argv.slice(2);
const todo = scenarios.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));

async function recordAll(): Promise<void> {
  for (let scenario = todo.shift(); scenario; scenario = todo.shift()) {
    try {
      const [steps, again] = [await playReal(scenario, config), await playReal(scenario, config)];
      const luck = divergences(steps, again);
      if (luck.length > 0) throw new Error(`not the same twice:\n  ${luck.join('\n  ')}`);
      await writeTrace(scenario, { argoRollouts, kubernetes, steps });
      console.log(`recorded: ${scenario.name}`);
    } catch (error) {
      console.error(`not recorded: ${scenario.name}: ${(error as Error).message}`);
      process.exitCode = 1;
    }
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, recordAll));
await writeFile(new URL('../docs/traces.md', import.meta.url), await documentOf());
process.exit();
