"""`python -m portal.demo`: the whole product on this machine, with people, connections and a provider to try it on."""

import os
import signal
import sys
import threading

from portal.adapters import embedded_redis
from portal.demo.processes import DemoFailed, Processes
from portal.demo.setting import HOST, Setting, hold, read_setting, told_ports

LOOK_EVERY_S = 1.0


def main() -> int:
    """Start everything, say where it is, and end everything on Ctrl-C."""
    try:
        setting = read_setting(os.environ)
        held = hold(setting.data_dir)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    stopping = threading.Event()
    for wish in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wish, lambda *_: stopping.set())
    environ = setting.environ(os.environ) | told_ports(setting)
    processes = Processes(setting.data_dir / "logs", environ)
    try:
        return _run(setting, processes, environ, stopping)
    except DemoFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    finally:
        _say("Ending ...")
        processes.end_all()
        embedded_redis.stop(setting.data_dir)
        held.close()


def _run(setting: Setting, processes: Processes, environ: dict[str, str], stopping: threading.Event) -> int:
    from portal.demo import sample

    _say(f"Preparing the demo in {setting.data_dir} ...")
    _start_surroundings(setting, processes)
    sample.prepare(environ, setting)
    _start_portal(setting, processes)
    _say(f"\n  Open {setting.url}/demo\n\n  Ctrl-C ends it. The logs are in {setting.data_dir / 'logs'}.\n")
    while not stopping.wait(LOOK_EVERY_S):
        processes.check()
    return 0


def _start_surroundings(setting: Setting, processes: Processes) -> None:
    embedded_redis.ensure_running(setting.data_dir)
    mail = ["-m", "portal.demo.sink", "--port", str(setting.mail_port), "--folder", str(setting.data_dir / "mailbox")]
    provider = ["-m", "portal.demo.provider", "--port", str(setting.provider_port), "--portal-url", setting.url]
    provider += ["--data-dir", str(setting.data_dir / "provider"), "--clock-file", str(setting.clock_file)]
    started = [
        (processes.start("mail-sink", mail), setting.mail_port),
        (processes.start("provider", provider), setting.provider_port),
    ]
    for running, port in started:
        processes.wait_listening(running, HOST, port)


def _start_portal(setting: Setting, processes: Processes) -> None:
    web = [
        "-m",
        "gunicorn",
        "--config",
        "python:portal.web_server",
        "--workers",
        "1",
        "--bind",
        f"{HOST}:{setting.port}",
    ]
    running = processes.start("web", [*web, "wsgi:app"])
    processes.start("worker", ["-m", "portal.cli", "worker", "--processes", "1"])
    processes.start("scheduler", ["-m", "portal.cli", "scheduler"])
    processes.wait_listening(running, HOST, setting.port)


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
