"""The compiled signal kernel, its build and its Python binding."""
