"""The engine ``sd-cpp``: stable-diffusion.cpp through its Python binding."""
