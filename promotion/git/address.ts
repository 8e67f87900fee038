import { z } from 'zod';

/**
 * Where a repository is, as git takes it: a URL, `user@host:path`, or a path. A login in it would be in Git, in the cluster and
 * in lists of processes.
 */
export const repositoryAddress = z
  .string()
  .min(1)
  .regex(/^(?!-)/, 'must not begin with a dash')
  .refine((address) => !/^(https?:\/\/[^/]*@|[a-z+]+:\/\/[^/@]*:[^/]*@)/i.test(address), {
    error: 'must not carry credentials: give them to git, by a credential helper, GIT_ASKPASS or SSH',
  });
