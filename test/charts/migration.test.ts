import { describe, expect, it } from 'vitest';
import type { Overlay } from '../../overlays/overlay.ts';
import { digestOf, sample } from '../overlays/samples.ts';
import { objectsOf, ofKind } from './objects.ts';

const jobOf = (overlay: Overlay) => ofKind(objectsOf(overlay), 'Job')[0];
const nameOf = (overlay: Overlay) => jobOf(overlay).metadata.name;
const base = sample();
const { backend, migration, pins, sentry, web } = base;

describe('the migration', () => {
  it('runs Prisma in the backend image, and the promoter waits for it', () => {
    const job = jobOf(base);
    expect(job.metadata.annotations).toEqual({ 'moneywise.app/release-job': 'true' });
    expect(job.spec).toMatchObject({ backoffLimit: 4, activeDeadlineSeconds: 600 });
    expect(job.spec).not.toHaveProperty('ttlSecondsAfterFinished');
    const [container] = job.spec.template.spec.containers;
    expect(container.image).toBe(`${base.images.backend}@${pins.backend.digest}`);
    expect(container.command).toEqual(['node', 'node_modules/prisma/build/index.js', 'migrate', 'deploy']);
    expect(container).not.toHaveProperty('workingDir');
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
