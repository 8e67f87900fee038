/** Writes a program's bundle, to `outfile` or where it is run from, whole or as the program is by default. */
export declare function build(
  program: 'moneywise-deploy' | 'synth',
  outfile?: string,
  isWhole?: boolean,
): Promise<void>;
/** Writes a bundle, with its libraries if it is to be whole, all of it at once: others may be reading it. */
export declare function bundle(entry: string, outfile: string, isWhole: boolean): Promise<void>;
