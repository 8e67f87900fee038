import { describe, expect, it } from 'vitest';
import { loadOverlay } from '../../overlays/load.ts';
import type { Overlay } from '../../overlays/overlay.ts';
import { digestOf, sample } from '../overlays/samples.ts';
import { find, objectsOf, ofKind } from './objects.ts';

const jobOf = (overlay: Overlay) => ofKind(objectsOf(overlay), 'Job')[0];
const nameOf = (overlay: Overlay) => jobOf(overlay).metadata.name;
const base = sample();
const { backend, migration, pins, sentry, web } = base;

describe('the migration', () => {
  it('runs Prisma in the backend image, and the promoter waits for it', () => {
    const job = jobOf(base);
    expect(job.metadata.annotations).toMatchObject({ 'moneywise.app/release-job': 'true' });
    expect(job.spec).toMatchObject({ backoffLimit: 4, activeDeadlineSeconds: 600 });
    expect(job.spec).not.toHaveProperty('ttlSecondsAfterFinished');
    const [container] = job.spec.template.spec.containers;
    expect(container.image).toBe(`${base.images.backend}@${pins.backend.digest}`);
    expect(container.command).toEqual(['node', 'node_modules/prisma/build/index.js', 'migrate', 'deploy']);
    expect(container).not.toHaveProperty('workingDir');
  });

  it('is done by the pods before they start where nobody promotes, one at a time by Prisma’s own lock', () => {
    const objects = objectsOf(loadOverlay('development'));
    expect(ofKind(objects, 'Job')).toEqual([]);
    const [migrate] = find(objects, 'Deployment', 'backend').spec.template.spec.initContainers;
    expect(migrate.command).toEqual(jobOf(base).spec.template.spec.containers[0].command);
    expect(migrate.envFrom).toEqual(find(objects, 'Deployment', 'backend').spec.template.spec.containers[0].envFrom);
  });

  it('is complete before Argo CD applies a new revision, and begins when its database is healthy', () => {
    const wave = (kind: string, name: string) =>
      Number(find(objectsOf(base), kind, name).metadata.annotations?.['argocd.argoproj.io/sync-wave'] ?? 0);
    const [config] = ofKind(objectsOf(base), 'ConfigMap').filter(({ metadata }) =>
      metadata.name.startsWith('backend-config'),
    );
    const waves = [wave('ConfigMap', config.metadata.name), wave('StatefulSet', 'postgres'), wave('Job', nameOf(base))];
    expect([...waves, wave('Rollout', 'backend')]).toEqual([-30, -20, -10, 0]);
  });

  it('is the same Job when applied again', () => {
    expect(nameOf(base)).toMatch(/^migrate-[0-9a-f]{10}$/);
    expect(nameOf(sample())).toBe(nameOf(base));
  });

  it.each<[string, Overlay]>([
    ['image', sample({}, { backend: { ...pins.backend, digest: digestOf('another') } })],
    ['command', sample({ migration: { ...migration, command: ['node', 'migrate.js'] } })],
    ['working directory', sample({ migration: { ...migration, workingDir: '/app/apps/backend' } })],
    ['configuration', sample({ sentry: { ...sentry, tracesSampleRate: 0.9 } })],
  ])('is another Job when the %s is another', (_, overlay) => {
    expect(nameOf(overlay)).not.toBe(nameOf(base));
  });

  it.each<[string, Overlay]>([
    ['replicas', sample({ backend: { ...backend, replicas: 3 }, web: { ...web, replicas: 3 } })],
    ['the web image', sample({}, { web: { version: 'v9.9.9', digest: digestOf('another') } })],
    ['the drain', sample({ drainSeconds: 3 })],
  ])('is the same Job when %s changes', (_, overlay) => {
    expect(nameOf(overlay)).toBe(nameOf(base));
  });
});
