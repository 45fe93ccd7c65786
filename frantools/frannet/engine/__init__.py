"""The engine: pictures and points, tile by tile on threads, through the compiled kernel where there is one."""
