#!/bin/bash
# A batch as a SLURM job array: each task runs one shard into a folder of its own.
#
#   sbatch --array=1-8 batch.sh out/big --world demo -n 1024 --ticks 1000 --seed 1
#   sbatch --dependency=afterany:JOBID join.sh out/big
#
# A task that is submitted again continues its shard: after a time limit, a lost node or a cancelled
# job, submit the same line again.
#SBATCH --job-name=ecosim
#SBATCH --cpus-per-task=1
#SBATCH --output=%x-%A_%a.out
# SLURM sends SIGTERM so many seconds before the time limit: the shard then ends in order.
#SBATCH --signal=B:TERM@60
set -eu

out=$1
shift
shard="$out/shard-$SLURM_ARRAY_TASK_ID"

again=
if [ -e "$shard/batch.json" ]; then
    again=--resume
fi

# exec: the signal must reach the batch and not this shell.
exec ecosim batch "$@" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
    --workers "${SLURM_CPUS_PER_TASK:-1}" --out "$shard" $again
