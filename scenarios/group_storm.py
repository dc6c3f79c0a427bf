"""Open workload: one large room in which everybody sends within seconds, at moments drawn beforehand.

Start `./lab serve --memory`, then `locust -f scenarios/group_storm.py --host http://127.0.0.1:8766 -u 50 -r 50 -t 20s`.
Once all users stand in a new room, each sends `--each` notes at moments drawn over `--within` seconds, waiting for no
answer. Every note is counted once for its sender (send) and once for everyone who hears it (hear). When the test ends,
each user must have heard all notes, each once, in the order of the room, or it has failed (complete).
"""

from __future__ import annotations

from random import Random
from typing import Any
from uuid import uuid4

from locust import User, events, task
from locust.exception import StopUser

from imlab.lab.load.locust_records import keep
from imlab.studies.storms.member import Member
from imlab.studies.storms.notes import note
from imlab.studies.storms.storm import Storm

records = keep(events, start="./lab serve --memory")
storm = Storm()
events.spawning_complete.add_listener(storm.stand)
events.test_stopping.add_listener(storm.end)


@events.init_command_line_parser.add_listener
def options(parser: Any) -> None:
    """What a user of Locust may choose, by words or in the web page."""
    parser.add_argument("--ws", default="ws://127.0.0.1:8765", help="the server's WebSocket")
    parser.add_argument("--each", type=int, default=2, help="notes that each user sends")
    parser.add_argument("--within", type=float, default=5.0, help="seconds in which all are sent")
    parser.add_argument("--room", default=f"storm-{uuid4().hex}", help="a room in which nobody has sent anything")


@events.test_start.add_listener
def begin(environment: Any, **_: Any) -> None:
    """A storm to come, the same in every process."""
    storm.expect(environment.parsed_options.each, environment.parsed_options.within)


class Person(User):
    """One of the room."""

    def on_start(self) -> None:
        """Enter the room."""
        chosen = self.environment.parsed_options
        self.member = Member(chosen.ws, chosen.room, records.fire)
        self.member.enter()

    @task
    def take_part(self) -> None:
        """Send each note at its moment, and listen to the end."""
        for moment in storm.moments(Random(self.member.name)):
            self.member.send(note(self.member.room, self.member.name, moment))
        storm.over.wait()
        raise StopUser

    def on_stop(self) -> None:
        """Judge what was heard, and hang up."""
        why = self.member.wrong(storm.expected)
        records.fire("WS", "complete", storm.lasted(), error=AssertionError(why) if why else None)
        self.member.leave()
