import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { environmentsDocument } from '../charts/environments-document.ts';

// `npm run differences`: writes docs/environments.md.

writeFileSync(fileURLToPath(new URL('../docs/environments.md', import.meta.url)), environmentsDocument());
