#!/bin/bash
# Join the shards of batch.sh when all its tasks have ended, and build the dataset of the whole.
#
#   sbatch --dependency=afterany:JOBID join.sh out/big
#
# The job ends with the code of the merge: 3 says that some runs failed and were set aside.
#SBATCH --job-name=ecosim-join
#SBATCH --output=%x-%j.out
set -eu

out=$1

code=0
ecosim batch merge "$out"/shard-* --into "$out/whole" || code=$?
if [ "$code" -eq 0 ] || [ "$code" -eq 3 ]; then
    ecosim collect "$out/whole"
fi
exit "$code"
