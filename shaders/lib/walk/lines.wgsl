// Lines of a strip of a depthwise convolution: four, or two on GPUs on which an invocation has few registers. Of a strip of dy
// at most as many, and a divisor of P: zeros in place of lines that are not there would make NaN of an infinite x.

override LINES: u32;
