"""A log copied to a trace on disk: the same rows as in memory, a run that was killed goes on, nothing is read twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from batch_runs import log
from test_local_logging import Place
from test_traffic_logs import ACCOUNT, FULL, SECRET, plain, record, written

import bedrock_lab as lab
from bedrock_lab.cli.main import run
from bedrock_lab.errors import InputError
from bedrock_lab.sources.log_copy import copy_logs
from bedrock_lab.traffic.readers.bedrock_logs import wish

PLACE = f"AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/us-east-1/2026/11/02"


def folder_of(root, files=4, rows=30):
    """Write files of an hour each, in no order of time, with a duplicate and a bad line in each."""
    for n in range(files):
        hour = (n * 7) % 24
        lines = [
            plain(i, timestamp=f"2026-11-02T{hour:02d}:{(i * 7) % 60:02d}:00Z", requestId=f"{n}-{i}")
            for i in range(rows)
        ]
        written(root / PLACE / f"{hour:02d}" / f"{n}.json.gz", *lines, lines[3], b"{ broken")
    return root / "AWSLogs"


def rows_of(trace):
    """Return what a trace holds, accounts and places apart."""
    told = {k: v for k, v in trace.to_dict().items() if k not in {"source", "skipped"}}
    return trace.table.drop_columns(["account"]).to_pydict(), told, [(s.line, s.reason) for s in trace.skipped]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_copy_is_what_reading_gives(tmp_path, workers):
    """Rows by time, duplicates, what was late and what was skipped are those of a trace read in memory."""
    folder = folder_of(tmp_path)
    copied = copy_logs(folder, tmp_path / "o.parquet", wish("team"), workers=workers)
    read, again = lab.read_trace(folder, app_key="team"), lab.read_trace(copied.path)
    assert rows_of(again) == rows_of(read)
    assert (copied.rows, copied.files, copied.duplicates, len(copied.skipped)) == (120, 4, 4, 4)
    assert pq.ParquetFile(copied.path).read(["time_s"]).column(0).to_pylist() == sorted(read.column("time_s"))


def test_only_what_is_new_is_read_again(tmp_path, monkeypatch):
    """A file with the same size and time is in the manifest; one that changed or came later is read."""
    from bedrock_lab.sources import log_copy

    folder, out = folder_of(tmp_path), tmp_path / "o.parquet"
    copy_logs(folder, out)
    opened = []
    load = log_copy.load
    monkeypatch.setattr(log_copy, "load", lambda path: opened.append(path.name) or load(path))
    written(tmp_path / PLACE / "23" / "9.json.gz", plain(1, timestamp="2026-11-02T23:00:00Z", requestId="new"))
    changed = tmp_path / PLACE / "00" / "0.json.gz"
    written(changed, plain(1, timestamp="2026-11-02T00:00:00Z", requestId="other"))
    copied = copy_logs(folder, out)
    assert sorted(opened) == ["0.json.gz", "9.json.gz"]
    assert (copied.rows, copied.files, copied.again) == (92, 5, 3)
    assert rows_of(lab.read_trace(out))[0] == rows_of(lab.read_trace(folder))[0]


def test_other_terms_are_another_copy(tmp_path):
    """A folder that was begun for another app key or time is refused in one line that names it."""
    folder, out = folder_of(tmp_path, 1), tmp_path / "o.parquet"
    copy_logs(folder, out)
    with pytest.raises(InputError, match=r"o\.parquet\.read: was begun with other app_key; give another OUT"):
        copy_logs(folder, out, wish("team"))
    with pytest.raises(InputError, match="workers 0: 1 or more"):
        copy_logs(folder, out, workers=0)
    with pytest.raises(InputError, match=r"ends in \.parquet"):
        copy_logs(folder, tmp_path / "o.csv")


def test_a_damaged_file_is_said_and_tried_again(tmp_path):
    """What could not be read is in `skipped`, not in the manifest: mended, it is read by the next run."""
    folder, out = folder_of(tmp_path, 2), tmp_path / "o.parquet"
    whole = (tmp_path / PLACE / "07" / "1.json.gz").read_bytes()
    (tmp_path / PLACE / "07" / "1.json.gz").write_bytes(whole[:80])
    first = copy_logs(folder, out)
    assert (first.files, first.rows, "cut off" in first.skipped[-1].reason) == (1, 30, True)
    (tmp_path / PLACE / "07" / "1.json.gz").write_bytes(whole)
    assert copy_logs(folder, out).rows == 60


def test_nothing_of_accounts_stands_beside_the_copy(tmp_path, capsys):
    """Neither the trace, the parts nor the manifest hold an account id, a text or an identity, unless asked for."""
    folder, out = tmp_path / "log", tmp_path / "o.parquet"
    written(folder / PLACE / "12" / "a.json.gz", record(), b"{")
    assert run(["trace", "convert", str(folder), str(out), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["profile"]["requests"] == 1
    everything = told.out + told.err
    for path in (out, *(tmp_path / "o.parquet.read").iterdir()):
        everything += path.read_bytes().decode("latin-1")
        everything += str(pq.read_table(path).to_pylist()) if path.suffix == ".parquet" else ""
    for canary in (ACCOUNT, SECRET, "MyRole", "session-name"):
        assert canary not in everything
    assert (tmp_path / "o.parquet.read" / "salt").stat().st_mode & 0o077 == 0
    shown = tmp_path / "shown.parquet"
    assert run(["trace", "convert", str(folder), str(shown), "--identities"]) == 0
    assert lab.read_trace(shown, identities=True).text("account").tolist() == [ACCOUNT]


PROGRAM = """
import sys
from bedrock_lab.sources.log_copy import copy_logs
copy_logs(sys.argv[1], sys.argv[2], endpoint_url=sys.argv[3], region_name="us-east-1")
"""


def test_a_killed_run_goes_on(tmp_path):
    """Killed hard while it reads S3 and run again: every row is there, no file that was kept is fetched again."""
    files = 400 if FULL else 60
    with Place() as place:
        for n in range(files):
            lines = [
                plain(i, timestamp=f"2026-11-02T{n % 24:02d}:00:{i:02d}Z", requestId=f"{n}-{i}") for i in range(20)
            ]
            key = f"l/{PLACE}/{n % 24:02d}/{n:03d}.json.gz"
            place.of["s3"].put_object(Bucket="calls", Key=key, Body=written(tmp_path / "x.gz", *lines).read_bytes())
        out = tmp_path / "o.parquet"
        manifest = tmp_path / "o.parquet.read" / "manifest.jsonl"
        arguments = [sys.executable, "-c", PROGRAM, "s3://calls/l/", str(out), place.aws.endpoint_url]
        env = os.environ | place.aws.env()
        kills = 0
        for wanted in (5, files // 2):
            child = subprocess.Popen(arguments, env=env)
            while child.poll() is None and len(kept(manifest)) < wanted:
                time.sleep(0.002)
            if child.poll() is None:
                child.send_signal(signal.SIGKILL)
                kills += 1
            child.wait()
        assert kills
        before, seen = kept(manifest), len(log(place.aws))
        assert len(before) < files
        copied = copy_logs("s3://calls/l/", out, **place.aws.client_kwargs())
        asked = [r["operation"] for r in log(place.aws)[seen:]]
    assert (copied.rows, copied.duplicates, copied.again) == (files * 20, 0, len(before))
    assert asked.count("s3:GetObject") == files - len(before)
    assert set(asked) <= {"s3:ListObjects", "s3:ListObjectsV2", "s3:GetObject"}
    assert sum(part["rows"] for part in kept(manifest)) == files * 20
    assert not list(Path(tmp_path).glob(".*"))


def kept(manifest):
    """Return the files a manifest names."""
    lines = manifest.read_bytes().split(b"\n")[1:-1] if manifest.exists() else []
    return [json.loads(line) for line in lines]
