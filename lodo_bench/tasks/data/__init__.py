"""Data sets: where they lie, how they are fetched and checked, and how they come into memory.

    catalog     the table of data sets: files, checksums, mirrors
    places      the data directory, and stand-ins
    contents    files as they are on the disk, checked
    formats     bytes -> arrays
    loading     the data sets in memory
    fetching    from the mirrors to the disk; downloads.py has the network, archives.py the unpacking
    inventory   what is there and what is wrong with it

Loading needs nothing but torch and NumPy. No pickle is ever loaded.
"""

from lodo_bench.tasks.data.loading import ImageData, load_cifar10, load_mnist
from lodo_bench.tasks.data.places import data_directory

__all__ = ["ImageData", "data_directory", "load_cifar10", "load_mnist"]
