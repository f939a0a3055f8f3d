"""Image data sets: download, verification and loading.

    catalog     the data sets: files, checksums, mirrors
    location    the data directory, and stand-ins for data sets
    contents    reads and verifies single files
    formats     file formats: bytes -> arrays
    loading     whole data sets in memory
    fetching    mirrors -> disk; downloads.py speaks HTTP, archives.py unpacks
    inventory   status of a data set on disk

Loading needs torch and NumPy only. No pickle is ever loaded.
"""

from lodo_bench.files.data_directory import data_directory
from lodo_bench.tasks.data.loading import ImageData, load_cifar10, load_mnist

__all__ = ["ImageData", "data_directory", "load_cifar10", "load_mnist"]
