#!/bin/sh
# The official image's server is compiled without the protected mode, which refuses everybody but localhost.
case $1 in
  --version | -v | --help | -h | --test-memory | --check-system | -) ;;
  '' | -*) set -- --protected-mode no "$@" ;;
  *)
    file=$1
    shift
    set -- "$file" --protected-mode no "$@"
    ;;
esac
exec /usr/bin/redis-server "$@"
