// Lines of a strip of a depthwise convolution: four, or two on GPUs on which an invocation has few registers.

override LINES: u32;
