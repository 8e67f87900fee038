import { readFileSync } from 'node:fs';
import { load as parseYaml } from 'js-yaml';
import type { z } from 'zod';
import { development } from './development.ts';
import { type Overlay, type OverlayInput, overlaySchema } from './overlay.ts';
import { type PinsInput, pinsSchema } from './pins.ts';
import { production } from './production.ts';
import { overlayProblems, type Problem, pinProblems } from './rules.ts';
import { staging } from './staging.ts';

/** The overlays of this repository by name. Add one here, with its data file and its pins. */
const overlays: Readonly<Record<string, OverlayInput>> = { development, staging, production };

/** The names that `loadOverlay` knows. */
export const overlayNames: readonly string[] = Object.keys(overlays);

/** An overlay that cannot be rendered; the message names file, field, value and fix for each problem. */
export class OverlayError extends Error {
  override readonly name = 'OverlayError';
}

/** An overlay of this repository with its pins, checked. */
export function loadOverlay(name: string): Overlay {
  const data = Object.hasOwn(overlays, name) ? overlays[name] : undefined;
  if (!data)
    throw new OverlayError(`overlays/: no overlay is called "${name}"; take one of ${overlayNames.join(', ')}`);
  const pinsFile = `overlays/pins/${name}.yaml`;
  return parseOverlay(data, readPins(pinsFile), { overlay: `overlays/${name}.ts`, pins: pinsFile });
}

/**
 * Checks overlay data and pins from anywhere, e.g. staging with in-cluster data for a test. All problems are told at
 * once; `sources` are the names under which they appear in messages.
 */
export function parseOverlay(
  data: OverlayInput,
  pins: PinsInput,
  sources: { overlay: string; pins: string } = {
    overlay: `overlay ${data.name}`,
    pins: `pins of overlay ${data.name}`,
  },
): Overlay {
  const parsedData = overlaySchema.safeParse(data);
  const parsedPins = pinsSchema.safeParse(pins);
  const lines = [
    ...tell(
      sources.overlay,
      data,
      parsedData.success ? overlayProblems(parsedData.data) : schemaProblems(parsedData.error),
    ),
    ...tell(sources.pins, pins, pinsProblems(parsedData.data, parsedPins)),
  ];
  if (lines.length > 0 || !parsedData.success || !parsedPins.success) throw new OverlayError(lines.join('\n'));
  return { ...parsedData.data, pins: parsedPins.data };
}

function pinsProblems(
  data: z.output<typeof overlaySchema> | undefined,
  pins: z.ZodSafeParseResult<Overlay['pins']>,
): Problem[] {
  if (!pins.success) return schemaProblems(pins.error);
  return data ? pinProblems({ imagePins: data.imagePins, pins: pins.data }) : [];
}

function readPins(file: string): PinsInput {
  try {
    return parseYaml(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')) as PinsInput;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    const fix = 'write it with `backend` and `web`, each with version and digest';
    throw new OverlayError(`${file}: cannot be read (${reason}); ${fix}`, { cause });
  }
}

/** The schema's findings in words that say what to do. */
function schemaProblems(error: z.ZodError): Problem[] {
  return error.issues.flatMap((issue): Problem[] => {
    if (issue.code === 'unrecognized_keys') {
      const message = 'is no field here; correct its name or remove it';
      return issue.keys.map((key) => ({ path: [...issue.path, key], message }));
    }
    const [, expected] = /^Invalid input: expected (.+), received undefined$/.exec(issue.message) ?? [];
    if (expected) return [{ path: issue.path, message: `is missing; add it (${expected})` }];
    const message = issue.message
      .replace(/^Invalid input: /, 'is wrong: ')
      .replace(/^Invalid discriminator value. Expected /, 'is unknown; take one of ');
    return [{ path: issue.path, message }];
  });
}

function tell(source: string, input: unknown, problems: Problem[]): string[] {
  return problems.map(({ path, message }) => {
    const value = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], input);
    // Without the login that an address must not have.
    const shown =
      value === undefined || typeof value === 'object'
        ? ''
        : ` ${JSON.stringify(value).replace(/\/\/[^/"]*@/, '//***@')}`;
    return `${source}: ${path.map(String).join('.') || 'the content'}${shown} ${message}`;
  });
}
