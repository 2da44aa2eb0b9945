"""Files that lie elsewhere, by URL: jobs, body files and sources in a store of objects.

`url` says which URLs are taken and how names are read from there; `stores` reads them, by fsspec.
"""

from bulkseg.remote.url import Place, Url, is_url, joined, place_of

__all__ = ["Place", "Url", "is_url", "joined", "place_of"]
