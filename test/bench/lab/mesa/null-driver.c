/* A Vulkan driver that only compiles: wraps another driver (environment variable GPU_LAB_DRIVER, a path) and lets
 * everything through but the recording and submitting of commands, which become no-ops. RADV's null winsys
 * (RADV_FORCE_FAMILY=…) has no command streams, and Dawn begins a command buffer as soon as it has a device.
 *
 * No Vulkan headers are needed: functions are passed on as they are. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*Fn)(void);
typedef Fn (*GetProc)(void *handle, const char *name);

static GetProc real_instance_proc, real_device_proc;

static int success(void) { return 0; } /* VK_SUCCESS, whatever the arguments: the caller cleans the stack */
static void nothing(void) {}

static Fn instead(const char *name, Fn real) {
  static const char *const skipped[] = {"vkBeginCommandBuffer", "vkEndCommandBuffer", "vkResetCommandBuffer",
                                        "vkResetCommandPool",   "vkQueueSubmit",      "vkQueueSubmit2",
                                        "vkQueueWaitIdle",      "vkDeviceWaitIdle"};
  if (!real) return real;
  if (!strncmp(name, "vkCmd", 5)) return nothing;
  for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++)
    if (!strcmp(name, skipped[i])) return (Fn)success;
  return real;
}

static Fn device_proc(void *device, const char *name) { return instead(name, real_device_proc(device, name)); }

__attribute__((visibility("default"))) Fn vk_icdGetInstanceProcAddr(void *instance, const char *name) {
  if (!real_instance_proc) {
    void *driver = dlopen(getenv("GPU_LAB_DRIVER"), RTLD_NOW | RTLD_LOCAL);
    if (driver) real_instance_proc = (GetProc)dlsym(driver, "vk_icdGetInstanceProcAddr");
    if (!real_instance_proc) {
      fprintf(stderr, "null-driver: GPU_LAB_DRIVER is no Vulkan driver: %s\n", dlerror());
      return NULL;
    }
  }
  Fn real = real_instance_proc(instance, name);
  if (real && !strcmp(name, "vkGetDeviceProcAddr")) {
    real_device_proc = (GetProc)real;
    return (Fn)device_proc;
  }
  return instead(name, real);
}

__attribute__((visibility("default"))) int vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
  if (*version > 4) *version = 4;
  return 0;
}

__attribute__((visibility("default"))) Fn vk_icdGetPhysicalDeviceProcAddr(void *instance, const char *name) {
  return vk_icdGetInstanceProcAddr(instance, name);
}
