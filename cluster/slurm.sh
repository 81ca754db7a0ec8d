#!/bin/bash
# A profile on several nodes of a Slurm cluster, from the working folder that they share:
#
#   LOCK=cuda make ray                            once, where the index can be reached
#   sbatch --wait cluster/slurm.sh pretrained     returns when the verdict is there, or fails; the same again goes on
#
# Set nodes, cores and GPUs of a node, and the time, to what your cluster has. docs/cluster.md says what is shared.
#SBATCH --job-name=icl-benchmark
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=1
#SBATCH --time=12:00:00
#SBATCH --no-kill
#SBATCH --output=slurm-%j.log
set -euo pipefail

profile=${1:-pretrained}
export LOCK=${LOCK:-cuda}
venv=$PWD/.venv
[ "$LOCK" = cuda ] && venv=$PWD/.venv-cuda
export PATH=$venv/bin:$PATH RAY_USAGE_STATS_ENABLED=0

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
address=$head:$((20000 + SLURM_JOB_ID % 10000)) # of this job: others may have nodes in common with it
done=$PWD/.work/slurm-$SLURM_JOB_ID
mkdir -p "$PWD/.work"
RAY_AUTH_TOKEN=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN # others on the network cannot run what they like on these nodes

# The first node computes, too, and runs the pipeline. symmetric-run also ends with 0 where Ray does not start: only the
# file at the end says that the pipeline has run. --no-kill: a node that fails does not end the job.
# shellcheck disable=SC2016  # the inner shell expands them
srun --no-kill --kill-on-bad-exit=0 ray symmetric-run --address "$address" --min-nodes "$SLURM_JOB_NUM_NODES" \
  --num-cpus "$SLURM_CPUS_PER_TASK" -- \
  bash -c 'RAY_ADDRESS=$1 make --no-print-directory "$2" && touch "$3"' _ "$address" "$profile" "$done"
[ -e "$done" ] || { echo "the pipeline did not reach its end: the log above says why; submit it again to go on" >&2; exit 1; }
rm "$done"
