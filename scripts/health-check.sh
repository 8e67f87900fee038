#!/usr/bin/env bash
# scripts/health-check.sh OVERLAY: what the runbook of old calls; `npx moneywise-deploy health-check` from any folder.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
exec node --import tsx scripts/moneywise-deploy.ts health-check "$@"
