"""The machine: processor cores, devices, the C++ compiler, the console and installed versions."""
