import { Size } from 'cdk8s';
import type { Resources } from '../../overlays/overlay.ts';
import * as kplus from '../kplus.ts';
import { restrictedContainer } from './restricted.ts';

/** A container as it is asked for here; the rest is the same for all and filled in by `container`. */
export interface ContainerSettings
  extends Omit<kplus.ContainerProps, 'resources' | 'securityContext' | 'imagePullPolicy' | 'port' | 'portNumber'> {
  readonly name: string;
  readonly resources: Resources;
}

/** A restricted container with resources and the pull policy that fits its image. */
export function container({ resources, ...settings }: ContainerSettings): kplus.ContainerProps {
  const memory = Size.mebibytes(resources.memoryMebibytes);
  const scratch = Size.gibibytes(resources.scratchGibibytes);
  return {
    ...settings,
    resources: {
      cpu: { request: kplus.Cpu.millis(resources.cpuMillis) },
      memory: { request: memory, limit: memory },
      ephemeralStorage: { request: scratch, limit: scratch },
    },
    securityContext: restrictedContainer,
    // A digest never changes what it names; a tag may.
    imagePullPolicy: settings.image.includes('@') ? kplus.ImagePullPolicy.IF_NOT_PRESENT : kplus.ImagePullPolicy.ALWAYS,
  };
}
