"""Measure the local Bedrock: requests a second beside a bare uvicorn app, lateness of deltas, memory over many calls.

Server and client are processes of their own, one core each on a machine with two. The client is as raw as Python
allows: prepared bytes over asyncio connections, answers cut by their length and otherwise unread.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import uvloop

MODEL = "amazon.nova-lite-v1:0"
ROUNDS, REQUESTS, CONNECTIONS = 5, 6_000, 32
STREAMS, GAP_S = 200, 0.02

BARE = """
import asyncio, sys, uvicorn
async def app(scope, receive, send):
    while (await receive())["more_body"]: pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="critical", access_log=False)
"""


def post(operation: str, body: bytes) -> bytes:
    """Return the bytes of one request."""
    head = f"POST /model/{MODEL}/{operation} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


def question(i: int | str) -> bytes:
    """Return the body of one question."""
    return json.dumps({"messages": [{"role": "user", "content": [{"text": f"Question {i}"}]}]}).encode()


class Connection(asyncio.Protocol):
    """One connection that sends prepared requests one after the other."""

    def __init__(self, todo: list[bytes], done: asyncio.Future[None]) -> None:
        self.todo, self.done, self.held = todo, done, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.next()

    def next(self) -> None:
        """Send another, or end."""
        if not self.todo:
            self.transport.close()
            self.done.set_result(None)
            return
        self.transport.write(self.todo.pop())

    def data_received(self, data: bytes) -> None:
        """Wait for a whole answer."""
        self.held += data
        head = self.held.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self.held.lower().find(b"content-length: ", 0, head) + 16
        if len(self.held) >= head + 4 + int(self.held[at : self.held.find(b"\r", at)]):
            assert self.held.startswith(b"HTTP/1.1 200")
            self.held = b""
            self.next()


async def sweep(port: int, requests: list[bytes], connections: int) -> float:
    """Send requests over connections that take turns; return the requests a second."""
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(connections)]
    begun = time.perf_counter()
    for future in futures:
        await loop.create_connection(lambda future=future: Connection(requests, future), "127.0.0.1", port)
    total = len(requests)
    await asyncio.gather(*futures)
    return total / (time.perf_counter() - begun)


async def stream(port: int, i: int) -> None:
    """Read one stream to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(post("converse-stream", question(i)))
    while not (await reader.read(65_536)).endswith(b"0\r\n\r\n"):
        pass
    writer.close()


async def streams(port: int) -> None:
    """Read all streams at once, their starts spread over one gap."""

    async def one(i: int) -> None:
        await asyncio.sleep(i * GAP_S / STREAMS)
        await stream(port, i)

    await asyncio.gather(*(one(i) for i in range(STREAMS)))


def serve(pace: dict[str, float]) -> tuple[subprocess.Popen[str], int]:
    """Start an endpoint; return its process and port."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
        json.dump({"models": {"*": pace}}, file)
    command = [Path(sys.executable).with_name("bedrock-lab"), "local", "--profile", file.name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(json.loads(process.stdout.readline())["endpoint_url"].rpartition(":")[2])


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process [MB]."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def asked(port: int, path: str) -> dict[str, dict[str, float]]:
    """Ask the endpoint about itself."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_local/{path}") as answer:
        return json.load(answer)


def throughput() -> None:
    """Compare requests a second with a bare app, in turns; the first round warms up."""
    ours, port = serve({"ttft_s": 0, "gap_s": 0})
    bare = subprocess.Popen([sys.executable, "-c", BARE, "8731"])
    time.sleep(1.5)
    rates: dict[str, list[float]] = {"local": [], "bare": [], "bare again": []}
    for _ in range(ROUNDS + 1):
        for name, where in (("local", port), ("bare", 8731), ("bare again", 8731)):
            requests = [post("converse", question(i)) for i in range(REQUESTS)]
            rates[name].append(uvloop.run(sweep(where, requests, CONNECTIONS)))
    local, peer, again = (statistics.median(rates[name][1:]) for name in rates)
    print(
        f"Converse, no delay, c = {CONNECTIONS}: {local:,.0f}/s; bare uvicorn {peer:,.0f}/s; ratio {local / peer:.2f}"
    )
    print(f"A/A: the bare app twice, ratio {peer / again:.2f}")
    bare.terminate()
    ours.terminate()


def lateness() -> None:
    """Measure by the endpoint's own stamps how late deltas leave."""
    process, port = serve({"ttft_s": 0.2, "gap_s": GAP_S})
    uvloop.run(streams(port))
    asked(port, "reset")
    uvloop.run(streams(port))
    late = asked(port, "health")["lateness_s"]
    shown = ", ".join(f"{name} {late[name] * 1e3:.2f} ms" for name in ("p50", "p99", "max"))
    print(f"{STREAMS} streams of 50 deltas, {GAP_S * 1e3:.0f} ms apart: {late['n']:,} deltas, late by {shown}")
    process.terminate()


def memory() -> None:
    """Compare the memory after 1,000 different calls and after 100,000."""
    process, port = serve({"ttft_s": 0, "gap_s": 0})
    held = []
    for count, start in ((1_000, 0), (99_000, 1_000)):
        requests = [post("converse", question(i)) for i in range(start, start + count)]
        uvloop.run(sweep(port, requests, CONNECTIONS))
        held.append(resident_mb(process.pid))
    print(f"memory after 1,000 calls {held[0]:.0f} MB, after 100,000 {held[1]:.0f} MB: {held[1] - held[0]:.0f} MB more")
    process.terminate()


if __name__ == "__main__":
    throughput()
    lateness()
    memory()
