import { importPromoter } from '../../testbed/images.ts';

/** An image of the promoter, as overlays name one. */
export interface PromoterImage {
  readonly repository: string;
  readonly version: string;
  readonly digest: string;
}

/** Builds the promoter's image of today's sources into the node whose cluster this suite runs in. */
export async function promoterImage(): Promise<PromoterImage> {
  const [repository = '', digest = ''] = (await importPromoter(process.env.TESTBED_INSIDE ?? '')).split('@');
  return { repository, version: 'v0.1.0', digest };
}
