/* Compiles CUDA C by NVRTC, without NVIDIA's headers: nvrtc LIBNVRTC SOURCE OUTPUT OPTION… */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define FUNCTION(name, ...) int (*name)(__VA_ARGS__) = (int (*)(__VA_ARGS__))dlsym(library, #name)

static char *contents(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  char *text = calloc(size + 1, 1);
  size_t count = fread(text, 1, size, file);
  fclose(file);
  return count == (size_t)size ? text : NULL;
}

int main(int count, char **args) {
  void *library = count > 3 ? dlopen(args[1], RTLD_NOW) : NULL;
  char *source = library ? contents(args[2]) : NULL;
  if (!source) {
    fprintf(stderr, "nvrtc: %s\n", library ? "no source" : dlerror());
    return 1;
  }
  FUNCTION(nvrtcCreateProgram, void **, const char *, const char *, int, const char *const *, const char *const *);
  FUNCTION(nvrtcCompileProgram, void *, int, const char *const *);
  FUNCTION(nvrtcGetProgramLogSize, void *, size_t *);
  FUNCTION(nvrtcGetProgramLog, void *, char *);
  FUNCTION(nvrtcGetCUBINSize, void *, size_t *);
  FUNCTION(nvrtcGetCUBIN, void *, char *);

  void *program;
  size_t size;
  if (nvrtcCreateProgram(&program, source, args[2], 0, NULL, NULL)) return 1;
  if (nvrtcCompileProgram(program, count - 4, (const char *const *)args + 4)) {
    nvrtcGetProgramLogSize(program, &size);
    char *log = calloc(size + 1, 1);
    nvrtcGetProgramLog(program, log);
    fputs(log, stderr);
    return 1;
  }
  nvrtcGetCUBINSize(program, &size);
  char *cubin = malloc(size);
  nvrtcGetCUBIN(program, cubin);
  FILE *output = fopen(args[3], "wb");
  return !output || fwrite(cubin, 1, size, output) != size || fclose(output);
}
