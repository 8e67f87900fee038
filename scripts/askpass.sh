#!/bin/sh
# For GIT_ASKPASS: answers Git with GIT_TOKEN, so that only steps that push have the token and no file ever has it.
case "$1" in
  Username*) echo x-access-token ;;
  *) printf '%s\n' "$GIT_TOKEN" ;;
esac
