"""Parcels: a job with its body files and sources as one value, for a machine that cannot reach its files.

`packing` makes one, `unpacking` makes a folder of one, `table` keeps them in a fleet's database.
"""

from bulkseg.parcel.packing import LIMIT, pack
from bulkseg.parcel.unpacking import Unpacked, unpacked

__all__ = ["LIMIT", "Unpacked", "pack", "unpacked"]
