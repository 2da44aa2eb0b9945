"""Clients that other people wrote for Eloqua work against the sandbox as they are."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from bulkseg.sandbox import Settings, serve

CLIENTS = Path(__file__).with_name("other_clients.py")


async def test_they_create_read_search_change_and_delete_and_take_errors_for_what_they_are():
    async with serve(Settings()) as sandbox:
        for number in range(2):
            sandbox.store.add(f"seed {number}")
        ended = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-W", "ignore", CLIENTS, sandbox.url],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        assert json.loads(ended.stdout) == {
            "lib": {
                "base_url": sandbox.url,
                "made": ["ContactSegment", "lib: made", 1, True],
                "renamed": "lib: renamed",
                "refused": "EloquaRequestError",
                "deleted": 200,
                "gone": "EloquaRequestErrorNotFound",
            },
            "sdk": {
                "segments": [2, ["seed 0", "seed 1"]],
                "searched": ["seed 1"],
                "folders": ["Segments"],
                "stranger": "EloquaException",
            },
        }
