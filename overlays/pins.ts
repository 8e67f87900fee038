import { z } from 'zod';

/** Which image one workload runs. */
const pinSchema = z.strictObject({
  /**
   * The tag that was built, e.g. `v1.2.3`: shown to people, sent to Sentry, and what the health route must report.
   */
  version: z
    .string()
    .regex(
      /^[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$/,
      'must be a tag of at most 63 letters, digits, dots and dashes, e.g. v1.2.3',
    ),
  /** The manifest digest that is pulled, so that a tag that moves cannot change what runs. */
  digest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 lower-case hex digits, as `crane digest IMAGE:TAG` prints')
    .optional(),
});

/** The content of `pins/<overlay>.yaml`, the only file that a release edits. */
export const pinsSchema = z.strictObject({ backend: pinSchema, web: pinSchema });

export type Pin = z.output<typeof pinSchema>;
export type PinsInput = z.input<typeof pinsSchema>;

/** Stands in the pins until the first real release: it renders, so that manifests can be read, and never runs. */
export const placeholderDigest = `sha256:${'0'.repeat(64)}`;

/** How a container names the image: by digest alone where there is one, since that is all that decides what runs. */
export function imageReference(repository: string, pin: Pin): string {
  return pin.digest ? `${repository}@${pin.digest}` : `${repository}:${pin.version}`;
}

/** The version without the leading `v` of a release tag, as package.json and Sentry write it. */
export function bareVersion(pin: Pin): string {
  return pin.version.replace(/^v(?=\d)/, '');
}
