import { text } from 'node:stream/consumers';
import { Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';

// `npm run image-size`: how much a node pulls for an image. Reads its manifest, as
// `docker buildx imagetools inspect --raw IMAGE` prints it, so that no layer has to be pulled to know.

const part = z.object({ size: z.int().min(0) });
/** The image manifest of the OCI and of Docker: one platform's. */
const manifestSchema = z.object({ config: part, layers: z.array(part).min(1) });

function positive(value: string): number {
  const number = Number(value);
  if (!(number > 0)) throw new InvalidArgumentError('It must be a number of megabytes above 0.');
  return number;
}

const { max } = new Command('image-size')
  .description('read an image manifest, print what a node pulls for it, and fail above a maximum')
  .requiredOption(
    '--max <megabytes>',
    'the most that it may be, in millions of bytes, compressed as it is pulled',
    positive,
  )
  .parse()
  .opts<{ max: number }>();

try {
  const { config, layers } = manifestSchema.parse(JSON.parse(await text(process.stdin)));
  const bytes = [config, ...layers].reduce((sum, { size }) => sum + size, 0);
  const megabytes = (bytes / 1e6).toFixed(1);
  const isSmall = bytes <= max * 1e6;
  console.log(`${megabytes} MB in ${layers.length} layers, of ${max} MB${isSmall ? '' : ': too large'}`);
  process.exitCode = isSmall ? 0 : 1;
} catch {
  console.error(
    'image-size: standard input is no manifest of one image (is it an index of several platforms, or of attestations?)',
  );
  process.exitCode = 2;
}
