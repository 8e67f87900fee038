import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { folderBelow } from '../../promotion/evidence/folder.ts';

const AT = new Date('2026-01-02T03:04:05.678Z');

describe('the folder of a release', () => {
  let parent: string;
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'moneywise-folder-'));
  });
  afterEach(() => rm(parent, { recursive: true }));

  it('is named after it, is its owner’s alone, and is made with the first file only', async () => {
    const folder = folderBelow(join(parent, 'evidence'), 'shop', 'v1.2.3', AT);
    expect(await readdir(parent)).toEqual([]);
    await folder.write('plan.json', '{}');
    await folder.write('logs/web-main.log', 'ready');
    expect(folder.path()).toBe(join(parent, 'evidence', 'shop-v1.2.3-20260102T030405Z'));
    expect((await stat(folder.path())).mode & 0o777).toBe(0o700);
    expect(await readFile(join(folder.path(), 'logs/web-main.log'), 'utf8')).toBe('ready');
    expect((await readdir(folder.path())).sort()).toEqual(['logs', 'plan.json']);
  });

  it('is never another run’s', async () => {
    const folders = [1, 2, 3].map(() => folderBelow(parent, 'shop', undefined, AT));
    await Promise.all(folders.map((folder, i) => folder.write('result.json', String(i))));
    expect(new Set(folders.map((folder) => folder.path())).size).toBe(3);
    for (const [i, folder] of folders.entries())
      expect(await readFile(join(folder.path(), 'result.json'), 'utf8')).toBe(String(i));
  });

  it.each(['../../outside', '/etc', '..', 'a/b', '.hidden'])(
    'stays below its parent when the release is called %s',
    async (name) => {
      const folder = folderBelow(parent, name, name, AT);
      await folder.write('plan.json', '{}');
      expect(await readdir(parent)).toHaveLength(1);
      expect(join(parent, (await readdir(parent))[0] ?? '')).toBe(folder.path());
    },
  );

  it('says what is wrong when it cannot be made, and leaves what it had written', async () => {
    await writeFile(join(parent, 'file'), '');
    const impossible = folderBelow(join(parent, 'file'), 'shop', 'v1', AT);
    await expect(impossible.write('plan.json', '{}')).rejects.toThrow(/ENOTDIR|EEXIST/);
    const folder = folderBelow(parent, 'shop', 'v1', AT);
    await folder.write('plan.json', 'whole');
    await expect(folder.write('plan.json/x', '')).rejects.toThrow();
    expect(await readFile(join(folder.path(), 'plan.json'), 'utf8')).toBe('whole');
  });
});
