import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { changeTree, replaceFiles } from '../../promotion/git/working-tree.ts';
import { newStage, put, type Stage } from './stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = newStage();
  put(stage.work, { 'dist/a.yaml': 'a\n', 'dist/b.yaml': 'b\n', 'dist/c.yaml': 'c\n', 'charts/main.ts': 'code\n' });
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(stage.folder, { recursive: true, force: true });
});

const filesOf = (folder: string) =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));

it('a change of the working tree brings over what it changed, added and removed, and no more', async () => {
  const end = await changeTree(
    stage.work,
    { reads: ['charts'], writes: ['pins.yaml', 'dist', 'records'] },
    async ({ folder }) => {
      expect(readFileSync(join(folder, 'pins.yaml'), 'utf8')).toBe('version: mine\n');
      expect(existsSync(join(folder, 'own.txt'))).toBe(false);
      put(folder, {
        'pins.yaml': 'version: v2\n',
        'dist/a.yaml': 'a2\n',
        'dist/b.yaml': 'b\n',
        'dist/d.yaml': 'd\n',
        'records/x': 'x\n',
        'charts/main.ts': 'other\n',
      });
      rmSync(join(folder, 'dist/c.yaml'));
      return { message: 'never read' };
    },
  );
  expect(end).toEqual({
    outcome: 'changed',
    files: ['dist/a.yaml', 'dist/c.yaml', 'dist/d.yaml', 'pins.yaml', 'records/x'],
  });
  expect(filesOf(join(stage.work, 'dist'))).toEqual({ 'a.yaml': 'a2\n', 'b.yaml': 'b\n', 'd.yaml': 'd\n' });
  expect(readFileSync(join(stage.work, 'charts/main.ts'), 'utf8')).toBe('code\n');
  expect(readdirSync(stage.temporary)).toEqual([]);
});

it('a change that fails half-way leaves the working tree as it was', async () => {
  const failing = changeTree(stage.work, { reads: [], writes: ['dist'] }, async ({ folder }) => {
    put(folder, { 'dist/a.yaml': 'a2\n' });
    throw new Error('does not render');
  });
  await expect(failing).rejects.toThrow('does not render');
  expect(filesOf(join(stage.work, 'dist'))).toEqual({ 'a.yaml': 'a\n', 'b.yaml': 'b\n', 'c.yaml': 'c\n' });
  expect(readdirSync(stage.temporary)).toEqual([]);
});

it('files of which one cannot be put in its place are all as they were', async () => {
  mkdirSync(join(stage.work, 'dist/z.yaml'));
  put(stage.work, { 'dist/z.yaml/inside': 'a folder is in the way\n' });
  const files = new Map([
    ['dist/a.yaml', Buffer.from('a2\n')],
    ['dist/b.yaml', undefined],
    ['dist/n.yaml', Buffer.from('n\n')],
    ['dist/z.yaml', Buffer.from('z\n')],
  ]);
  const before = readdirSync(join(stage.work, 'dist'));
  await expect(replaceFiles(stage.work, files)).rejects.toThrow();
  expect(readdirSync(join(stage.work, 'dist'))).toEqual(before);
  expect(readFileSync(join(stage.work, 'dist/a.yaml'), 'utf8')).toBe('a\n');
  expect(readFileSync(join(stage.work, 'dist/b.yaml'), 'utf8')).toBe('b\n');
});

it('a file that is replaced is never half-written, and keeps nothing beside it', async () => {
  await replaceFiles(stage.work, new Map([['dist/a.yaml', Buffer.from('a2\n')]]));
  expect(readdirSync(join(stage.work, 'dist'))).toEqual(['a.yaml', 'b.yaml', 'c.yaml']);
});
