# SPDX-License-Identifier: MIT
# client.py - python-socketio as a back end uses it. Reads {"url","token","transports","by"} on stdin;
# logs in by `auth` or by the event; writes a line of JSON for each thing that happens, and leaves on
# the first new_msg.
import json
import sys

import socketio

job = json.load(sys.stdin)
client = socketio.Client(reconnection=False)


def tell(**what):
    print(json.dumps(what), flush=True)


@client.event
def connect():
    tell(event="connect", transport=client.eio.transport())
    if job["by"] == "event":
        client.emit("login", job["token"], callback=lambda answer: tell(event="login", answer=answer))
    else:
        tell(event="login", answer={"ok": True})


@client.event
def disconnect():
    tell(event="disconnect")


@client.on("new_msg")
def new_msg(text):
    tell(event="new_msg", text=text, transport=client.eio.transport())
    client.disconnect()


auth = {"token": job["token"]} if job["by"] == "auth" else None
client.connect(job["url"], auth=auth, transports=job["transports"])
client.wait()
