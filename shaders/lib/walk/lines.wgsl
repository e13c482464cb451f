// Lines of a strip of a depthwise convolution: four, or two on GPUs on which an invocation has few registers. In a gradient of
// weights they divide P, so one too: zeros in place of lines that are not there would make NaN of an infinite x.

override LINES: u32;
