import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { find, objectsOf } from '../../test/charts/objects.ts';
import { sample } from '../../test/overlays/samples.ts';
import { run } from '../../testbed/run.ts';

let folder: string;
let config: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'alertmanager-'));
  config = join(folder, 'alertmanager.yaml');
  await writeFile(config, find(objectsOf(sample()), 'ConfigMap', 'alertmanager').data['alertmanager.yaml']);
});
afterAll(() => rm(folder, { recursive: true }));

describe('the Alertmanager', () => {
  it('understands its configuration', async () => {
    expect(await run(['amtool', 'check-config', config])).toContain('SUCCESS');
  });

  it.each([
    ['critical', 'team', 'team'],
    ['critical', 'on-call', 'on-call'],
    ['critical', 'manager', 'manager'],
    ['warning', 'team', 'team'],
  ])('tells of a %s alert of the stage %s: %s', async (severity, stage, receiver) => {
    const labels = [`severity=${severity}`, `stage=${stage}`, 'alertname=BackendErrors', 'environment=staging'];
    const argv = ['amtool', 'config', 'routes', 'test', `--config.file=${config}`];
    await run([...argv, `--verify.receivers=${receiver}`, ...labels]);
  });

  it('tells the team of an alert that has no stage', async () => {
    const argv = ['amtool', 'config', 'routes', 'test', `--config.file=${config}`];
    await run([...argv, '--verify.receivers=team', 'alertname=FromElsewhere']);
  });
});
