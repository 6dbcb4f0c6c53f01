#!/bin/sh
# Sets what databases and media servers want, then sleeps.
set -eu
sysctl -w vm.max_map_count=262144
sysctl -w fs.inotify.max_user_instances=8192
touch /tmp/done
exec sleep infinity
