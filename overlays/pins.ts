import { parseDocument } from 'yaml';
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

/** The workloads that have a pin. */
export const workloads = ['backend', 'web'] as const;
export type Workload = (typeof workloads)[number];

export type Pin = z.output<typeof pinSchema>;
export type Pins = z.output<typeof pinsSchema>;
export type PinsInput = z.input<typeof pinsSchema>;

/** Stands in the pins until the first real release: it renders, so that manifests can be read, and never runs. */
export const placeholderDigest = `sha256:${'0'.repeat(64)}`;

/** How a container names the image: by digest alone where there is one, since that is all that decides what runs. */
export function imageReference(repository: string, pin: Pin): string {
  return pin.digest ? `${repository}@${pin.digest}` : `${repository}:${pin.version}`;
}

/** How people name it: with its version beside the digest. */
export function imageName(repository: string, { version, digest }: Pin): string {
  return digest ? `${repository}:${version}@${digest}` : `${repository}:${version}`;
}

/** The version without the leading `v` of a release tag, as package.json and Sentry write it. */
export function bareVersion(pin: Pin): string {
  return pin.version.replace(/^v(?=\d)/, '');
}

/** The text of a pins file with these pins in it; comments and everything else stay as they are. */
export function withPins(text: string, pins: Partial<Pins>): string {
  const document = parseDocument(text);
  for (const [workload, { version, digest }] of Object.entries(pins)) {
    document.setIn([workload, 'version'], version);
    if (digest === undefined) document.deleteIn([workload, 'digest']);
    else document.setIn([workload, 'digest'], digest);
  }
  return document.toString({ lineWidth: 0 });
}
