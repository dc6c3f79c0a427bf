"""Closed workload: users of the service on trial who ask, wait for the answer, think, and ask again.

Start it with `./lab serve --preset old --http 8766` (or new), then `locust -f scenarios/old_and_new.py --host
http://127.0.0.1:8766`. Of the requests 95 % fetch a note with its sound, the others send one; every answer is decoded
as its type says and checked against its checksum. What is asked for follows a law of popularity. The load obeys the
server: when it stalls, what would have been asked meanwhile is never asked (docs/storms.md).
"""

from __future__ import annotations

from typing import Any

from locust import FastHttpUser, events, task
from locust.exception import StopTest

from imlab.errors import DoorError, PeerError
from imlab.lab.load.locust_records import keep
from imlab.studies.storms.library import LAWS, Library, wrong

records = keep(events, start="./lab serve --preset old --http 8766")
library: Library


@events.init_command_line_parser.add_listener
def options(parser: Any) -> None:
    """What a user of Locust may choose, by words or in the web page."""
    parser.add_argument("--think", type=float, default=170.0, help="milliseconds from an answer to the next request")
    parser.add_argument("--sends", type=float, default=0.05, help="share of requests that send a note")
    parser.add_argument("--lists", type=float, default=0.0, help="share of requests that list a room's newest notes")
    parser.add_argument("--popularity", choices=list(LAWS), default="zipf", help="which notes are asked for")
    parser.add_argument("--rooms", type=int, default=64, help="rooms whose notes are asked for: room0, room1, ...")
    parser.add_argument("--notes", type=int, default=256, help="notes that are there at least, or are sent first")


@events.test_start.add_listener
def learn(environment: Any, **_: Any) -> None:
    """Which notes there are, in each process that will ask for them."""
    global library
    chosen = environment.parsed_options
    try:
        if not records.asks_nothing:
            library = Library(environment.host, chosen.rooms, chosen.notes, chosen.popularity)
    except (DoorError, PeerError) as error:
        raise StopTest(str(error)) from error


class Asker(FastHttpUser):
    """One of the users of the service."""

    def wait_time(self) -> float:
        """Think, in seconds."""
        return float(self.environment.parsed_options.think) / 1000

    @task
    def ask(self) -> None:
        """One request, of a kind that is drawn."""
        chosen, chance = self.environment.parsed_options, library.chance()
        if chance < chosen.sends:
            self.send()
        elif chance < chosen.sends + chosen.lists:
            self.client.get(f"/rooms/{library.room()}", name="/rooms/{room}")
        else:
            self.fetch()

    def fetch(self) -> None:
        """A note and its sound."""
        note = library.wanted()
        with self.client.get(f"/recordings/{note.id}", name="/recordings/{id}", catch_response=True) as answer:
            if answer.status_code == 200 and (why := wrong(note, answer.headers["content-type"], answer.content)):
                answer.failure(why)

    def send(self) -> None:
        """A new note, which may be asked for from then on."""
        fresh = library.fresh()
        body, headers = library.encoded(fresh)
        if self.client.post("/recordings", data=body, headers=headers, name="/recordings").status_code == 201:
            library.add(fresh.note)
