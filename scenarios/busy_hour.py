"""Open workload, as far as its users can keep it: people in rooms who send, hear, and fetch sound, each at its pace.

Start `./lab serve --memory`, then `locust -f scenarios/busy_hour.py --host http://127.0.0.1:8766`. Every user stands in
one of the rooms over a WebSocket, and acts `--acts` times a minute on a schedule of its own, whatever became of the act
before: of 10 acts 2 send a note, 6 fetch the sound of one that was heard, 2 list the room. Each note is counted once
for its sender (send) and once for everyone who hears it (hear: from the moment at which it was to be sent).
"""

from __future__ import annotations

import random
import time
from typing import Any

from locust import FastHttpUser, events, task

from imlab.lab.load.locust_records import keep
from imlab.studies.storms.member import Member
from imlab.studies.storms.notes import note

records = keep(events, start="./lab serve --memory")


@events.init_command_line_parser.add_listener
def options(parser: Any) -> None:
    """What a user of Locust may choose, by words or in the web page."""
    parser.add_argument("--ws", default="ws://127.0.0.1:8765", help="the server's WebSocket")
    parser.add_argument("--acts", type=float, default=12.0, help="acts of each user per minute")
    parser.add_argument("--rooms", type=int, default=10, help="rooms that users stand in")


class Person(FastHttpUser):
    """One of the users of the product."""

    def on_start(self) -> None:
        """Connect, enter a room, and begin somewhere in one's own rhythm."""
        chosen = self.environment.parsed_options
        self.member = Member(chosen.ws, f"busy{random.randrange(chosen.rooms)}", records.fire, None)
        self.member.enter()
        self.pace = records.pace(chosen.acts / 60, random.random() * 60 / chosen.acts)
        time.sleep(self.pace.wait())

    def on_stop(self) -> None:
        """Hang up."""
        self.member.leave()

    def wait_time(self) -> float:
        """Until the next moment of one's own schedule, in seconds; 0 when it has passed."""
        return self.pace.wait()

    @task
    def act(self) -> None:
        """Send, fetch or list; each counts from the moment at which it was due."""
        late, chance = self.pace.ask(), random.random()
        if chance < 0.2 or not self.member.heard:
            self.member.send(note(self.member.room, self.member.name, time.monotonic() - late))
        elif chance < 0.8:
            _, key = random.choice(self.member.heard[-50:])
            self.client.get(f"/audio/{key}", name="/audio/{id}", context={"lag_s": late})
        else:
            self.client.get(f"/notes/{self.member.room}?after={self.member.heard[-1][0]}", name="/notes/{room}",
                            context={"lag_s": late})  # fmt: skip
