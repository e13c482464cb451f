#!/bin/sh
# ./run.sh tests|bench|tune|train [options]: see README.md. Needs sh, gzip, glibc and a Vulkan driver.
set -eu
case $0 in */*) cd "${0%/*}" ;; esac
WEBGRAFT_KIT=$(pwd)
export WEBGRAFT_KIT

# Unpacked once, beside the packed files.
unpack() {
  [ -e "$1" ] && return
  gzip -dc "$1.gz" > "$1.part"
  chmod 755 "$1.part"
  mv "$1.part" "$1"
}
unpack node
unpack app/node_modules/webgpu/dist/linux-x64/dawn.node

# The system's own libraries are newer than these, where it has them.
has() {
  for folder in /lib /usr/lib /lib64 /usr/lib64 /lib/x86_64-linux-gnu /usr/lib/x86_64-linux-gnu /usr/local/lib; do
    [ -e "$folder/$1" ] && return
  done
  return 1
}
use() {
  LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$WEBGRAFT_KIT/lib/$1
  export LD_LIBRARY_PATH
}
has libvulkan.so.1 || use vulkan
has libstdc++.so.6 || use c++

# Containers may have NVIDIA's driver without its description.
described() {
  for file in /etc/vulkan/icd.d/*nvidia*.json /usr/share/vulkan/icd.d/*nvidia*.json; do
    [ -e "$file" ] && return
  done
  return 1
}
if has libGLX_nvidia.so.0 && ! described; then
  echo '{"file_format_version":"1.0.0","ICD":{"library_path":"libGLX_nvidia.so.0","api_version":"1.3.0"}}' > nvidia_icd.json
  export VK_ADD_DRIVER_FILES="$WEBGRAFT_KIT/nvidia_icd.json"
fi

exec ./node app/kit.js "$@"
