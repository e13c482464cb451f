#!/usr/bin/env bash
# Builds a library that pretends an Intel GPU for Mesa's ANV: Mesa's own no-op drm shim, linked with the few objects that
# it needs of the rest. Half a minute of one core.
# Usage: build-intel-shim.sh OUTPUT mesa_25.0.7.orig.tar.xz
set -euo pipefail
out=$(realpath -m "$1")
archive=$(realpath "$2")

missing=()
for tool in cc bison flex pkg-config glslangValidator python3; do command -v $tool >/dev/null || missing+=("$tool"); done
for library in libdrm libelf zlib libzstd expat; do pkg-config --exists $library 2>/dev/null || missing+=("$library"); done
if [ ${#missing[@]} -gt 0 ]; then
  echo "missing: ${missing[*]}. On Debian: apt-get install --no-install-recommends gcc bison flex pkg-config glslang-tools" \
    python3-venv libdrm-dev libelf-dev zlib1g-dev libzstd-dev libexpat1-dev >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir mesa && tar xf "$archive" --strip-components=1 -C mesa
python3 -m venv venv && venv/bin/pip -q install meson ninja mako pyyaml packaging
export PATH="$work/venv/bin:$PATH"
meson setup build mesa -Dbuildtype=release -Dplatforms= -Dgallium-drivers= -Dvulkan-drivers= -Dtools=drm-shim,intel \
  -Dglx=disabled -Degl=disabled -Dgbm=disabled -Dopengl=false -Dgles1=disabled -Dgles2=disabled -Dllvm=disabled \
  -Dvideo-codecs= -Dxmlconfig=disabled -Dshader-cache=disabled
cd build

shim=src/intel/tools/libintel_noop_drm_shim.so.p
util='hash_table|set|vma|u_debug|log|os_misc|anon_file|futex|ralloc|os_file|os_memory_fd|u_printf|string_buffer|memstream'
util+='|half_float|simple_mtx|rand_xor|u_process|os_time|u_call_once|strtod|u_vector|u_cpu_detect|blob|u_thread'
util+='|sha1_sha1|mesa-sha1|softfloat|double'
objects=$(ninja -t targets all |
  grep -E "parson.*\.o:|libmesa_util.a.p/($util)\.c\.o:|$shim/.*\.o:" | cut -d: -f1)
ninja -j1 src/intel/dev/libintel_dev.a src/drm-shim/libdrm_shim.a src/c11/impl/libmesa_util_c11.a $objects
cc -shared -fPIC -Wl,--no-undefined -o "$out" $objects src/drm-shim/libdrm_shim.a.p/*.o \
  src/intel/dev/libintel_dev.a.p/*.o src/c11/impl/libmesa_util_c11.a -ldrm -lm -lpthread -ldl
