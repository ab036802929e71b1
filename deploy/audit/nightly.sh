#!/bin/sh
# Attacks the model that the service runs and writes the signed verdict into its manifest.
# Ends with 0 pass, 1 leak, 2 undecided; by then the manifest says so too.
# Minutes: twice the suite's own, which is for two cores, and some.
exec nice -n 19 anonynoise audit "$ANONYNOISE_MODEL" --data /data --suite nightly --budget 240 \
    --report /reports --key /run/secrets/audit.key --publish
