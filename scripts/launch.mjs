#!/usr/bin/env node
import { runFresh } from './fresh.mjs';

// The program `moneywise-deploy`.
await runFresh('moneywise-deploy');
