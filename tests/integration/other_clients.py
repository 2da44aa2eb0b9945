"""Uses a sandbox by clients that other people wrote for Eloqua, unchanged, with no more than its base URL.

Started by a test, in a process of its own: they are not ours to be free of warnings. Prints what it found, as
JSON. `eloqua_lib` is made to be extended by classes of assets; `eloquasdk` asks for page 0 by default.
"""

import json
import sys

from eloqua.eloqua import Asset, EloquaConnection
from eloqua.errors import EloquaRequestError, EloquaRequestErrorNotFound
from eloquasdk.error import EloquaException
from eloquasdk.rest import EloquaRestClient


class Segment(Asset):
    create_path = "/api/REST/2.0/assets/contact/segment"
    get_path = update_path = delete_path = f"{create_path}/{{id}}"
    get_list_path = f"{create_path}s"


def error_of(call, kind):
    try:
        call()
    except kind as error:
        return type(error).__name__
    return None


def by_lib(url):
    there = EloquaConnection("Sandbox", "demo", "demo", base_url=url)
    found = {"base_url": EloquaConnection.get_base_url(there.auth, login_url=f"{url}/id")}
    made = there.create(Segment({"name": "lib: made", "elements": []}))
    listed = there.get_list(Segment, {"search": "name='lib:*'", "depth": "complete"})
    found["made"] = [made.type, made.name, listed.total, listed.data[0].id == made.id]
    made.name = "lib: renamed"
    there.update(made)
    found["renamed"] = there.get(Segment, made.id).name
    found["refused"] = error_of(lambda: there.create(Segment({"name": ""})), EloquaRequestError)
    found["deleted"] = there.delete(made).status_code
    found["gone"] = error_of(lambda: there.get(Segment, made.id), EloquaRequestErrorNotFound)
    return found


def by_sdk(url):
    there = EloquaRestClient("Sandbox\\demo", "demo", f"{url}/api/REST/2.0")
    stranger = EloquaRestClient("Sandbox\\demo", "wrong", f"{url}/api/REST/2.0")
    segments = there.get_assets("contact/segments")
    searched = there.get_assets("contact/segments", page=1, order_by="createdAt DESC", search="name='seed 1'")
    return {
        "segments": [segments["total"], [one["name"] for one in segments["elements"]]],
        "searched": [one["name"] for one in searched["elements"]],
        "folders": [one["name"] for one in there.get_assets("contact/segment/folders")["elements"]],
        "stranger": error_of(lambda: stranger.get_assets("contact/segments"), EloquaException),
    }


if __name__ == "__main__":
    print(json.dumps({"lib": by_lib(sys.argv[1]), "sdk": by_sdk(sys.argv[1])}))  # noqa: T201  # its result
