import { fileURLToPath } from 'node:url';

/** @type {import('next').NextConfig} */
export default {
  output: 'standalone',
  // The root of the monorepo: what is traced from there lies in the result as it lies there.
  outputFileTracingRoot: fileURLToPath(new URL('../..', import.meta.url)),
  // Nothing is learned from these here, and they take as long as the rest.
  typescript: { ignoreBuildErrors: true },
  experimental: { cpus: 1 },
};
