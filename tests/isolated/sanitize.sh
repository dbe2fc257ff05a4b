#!/usr/bin/env bash
# The core's tests under AddressSanitizer and UndefinedBehaviorSanitizer, in a build of its own.
# Usage: tests/isolated/sanitize.sh [PYTHON]   (gcc or clang, Linux)
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${1:-.venv/bin/python}
built=$PWD/build/sanitized
flags="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
ECOSIM_EXTENSIONS=require CFLAGS="$flags" LDFLAGS="$flags" \
    "$python" setup.py --quiet build --build-base "$built" --build-lib "$built/lib" --force
# The interpreter is not sanitized, so the runtime has to be there before it. Python keeps what it
# allocates until it exits, which is no leak of ours; tests/isolated/references.py looks for those.
# PYTHONMALLOC: Python's own allocator would hide the borders of objects from the sanitizer.
export LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1
export PYTHONMALLOC=malloc PYTHONPATH="$built/lib" ECOSIM_BACKEND=compiled
"$python" -c "import ecosim; assert ecosim.__file__.startswith('$built'), ecosim.__file__"
"$python" tests/isolated/references.py --references-only
"$python" -m pytest -q --capture=sys -p no:cacheprovider tests/test_parity*.py tests/test_telemetry_aggregates.py \
    tests/test_telemetry_ring.py tests/test_telemetry_statistics.py tests/test_telemetry_layers.py \
    tests/test_telemetry_versions.py tests/test_telemetry_event_table.py
