#!/bin/sh
# Starts gitops. Everything it needs stands beside this file and is only read; what it writes is below
# one folder, which a Pod mounts.
set -eu
umask 077

tree=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
work=${HOME_OPS_WORK:-/var/lib/home-ops}
export PATH="$tree/bin:$PATH" PYTHONPATH="$tree/python" PYTHONUNBUFFERED=1
# a user without a name is nobody to the engine
export USER="${USER:-home-ops}" HOME="$work" XDG_CACHE_HOME="$work/cache" PULUMI_HOME="$work/pulumi"
# docs/environment.md says what each of these is for
export PULUMI_PYTHON_CMD="$tree/bin/pulumi-python" PULUMI_CONTINUE_ON_ERROR=true PULUMI_SKIP_CHECKPOINTS=true
export PULUMI_PARALLEL_DIFF=true PULUMI_SKIP_UPDATE_CHECK=true
export PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true

# the receiver of webhooks writes nothing
if [ "${1-}" != webhook ]; then
  mkdir -p "$PULUMI_HOME" "$XDG_CACHE_HOME"
  [ -e "$PULUMI_HOME/logs" ] || : > "$PULUMI_HOME/logs"
  # the engine passes over a folder that is a link
  for folder in "$tree"/plugins/*; do
    mkdir -p "$PULUMI_HOME/plugins/${folder##*/}"
    ln -sf "$folder"/* "$PULUMI_HOME/plugins/${folder##*/}/"
  done
fi
exec python3 -m reconciler.cli "$@"
