"""The engine: samples pictures and points tile by tile on threads, with the compiled kernel if there is one."""
