"""The closed loop's mean by formula, for thousands of services at once: what searches a region; simulation confirms.

Users think, or are in the service. There, up to T requests hold a thread, and are at the cores or far away; the rest
wait for a thread. With exponential times the inner part is a closed network of two stations, c servers and a delay,
whose rate with k inside is X(k) = G(k - 1) / G(k), with G(k) the sum over j of D^(k-j) / (k-j)! S^j / (1 2 .. c c ..)
(W. Gordon and G. Newell, Operations Research 15, 1967; F. Baskett and others, Journal of the ACM 22, 1975). Seen
from outside it is one server that works at X(min(n, T)) when n are there (K. Chandy, U. Herzog, L. Woo, IBM Journal
of Research and Development 19, 1975): exact without threads, and close with them. The users are then a process of
birth and death, and Little's law gives the response. Two pieces of CPU for one, and kinds of unequal cost on one line,
are an approximation too: how good it is, is measured against the simulation, in the study and in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imlab.errors import UsageError
from imlab.studies.architectures.model import Closed, Floats, Node, Work

AT_ONCE = 512  # services: what fits into memory beside a thousand users
TINY = 1e-12  # seconds: for logarithms of nothing


@dataclass(frozen=True, slots=True)
class Crowds:
    """Closed loops, one per place of the arrays, shape (loops,) each. threads: np.inf for event loops.

    cpu_s and far_s: seconds of a request at the cores and away, on average.
    """

    users: Floats
    think_s: Floats
    threads: Floats
    cores: Floats
    cpu_s: Floats
    far_s: Floats

    def mean_s(self) -> Floats:
        """The mean response in seconds, shape (loops,)."""
        found = np.empty(len(self.users))
        for first in range(0, len(found), AT_ONCE):
            some = Crowds(*(getattr(self, name)[first : first + AT_ONCE] for name in self.__slots__))
            looped, mean = some.threads >= some.users, np.empty(len(some.users))
            for chosen, solve in ((looped, _looped), (~looped, _threaded)):
                if chosen.any():
                    mean[chosen] = solve(Crowds(*(getattr(some, name)[chosen] for name in self.__slots__)))
            found[first : first + AT_ONCE] = mean
        return found

    def rate(self) -> Floats:
        """Requests per second, by Little's law, shape (loops,)."""
        return self.users / (self.mean_s() + self.think_s)


def crowd(node: Node, work: Work, load: Closed) -> Crowds:
    """One loop; what it leaves out stands at the head of this file."""
    if any(cost.notes for _, cost in work.parts):
        raise UsageError("there is no formula for single flight: simulate it")
    threads = np.inf if node.threads is None else node.threads
    return Crowds(*map(_one, (load.users, load.think.mean_s, threads, node.cores, work.cpu_s, work.far_s)))


def most(node: Node, work: Work) -> float:
    """The greatest rate that a node carries, requests per second: all threads held, or all cores busy."""
    if node.threads is None:
        return node.cores / work.cpu_s
    return float(_rates(_one(node.cores), _one(work.cpu_s), _one(work.far_s), node.threads)[0, -1])


def _one(value: float) -> Floats:
    return np.array([float(value)])


def _looped(these: Crowds) -> Floats:
    """Thinking is one more delay: the response is what is left of the round."""
    most_users = int(these.users.max())
    at_cores, away = _station(these.cores, these.cpu_s, most_users), _delay(these.far_s + these.think_s, most_users)
    users = these.users.astype(int)
    whole, fewer = (_constant(at_cores, away, count) for count in (users, users - 1))
    return np.asarray(np.exp(whole - fewer) * these.users - these.think_s)


def _threaded(these: Crowds) -> Floats:
    """Users born into a server whose rate hangs on how many are there."""
    most_threads, most_users = int(these.threads.max()), int(these.users.max())
    rates = _rates(these.cores, these.cpu_s, these.far_s, most_threads)
    there = np.arange(1, most_users + 1)
    at = np.minimum(there[None, :], these.threads[:, None]).astype(int) - 1
    served = np.take_along_axis(rates, at, axis=1)
    left = np.maximum(these.users[:, None] - there[None, :] + 1, 0.0)
    with np.errstate(divide="ignore"):  # nobody is left to come: chance zero
        chance = np.cumsum(np.log(left) - np.log(np.maximum(these.think_s, TINY))[:, None] - np.log(served), axis=1)
    weight = np.exp(chance - np.maximum(chance.max(axis=1), 0.0)[:, None])
    return np.asarray((weight * there).sum(axis=1) / (weight * served).sum(axis=1))


def _rates(cores: Floats, cpu_s: Floats, far_s: Floats, threads: int) -> Floats:
    """Requests per second with 1, 2, ... of them inside, shape (services, threads)."""
    at_cores, away = _station(cores, cpu_s, threads), _delay(far_s, threads)
    constants = [_constant(at_cores, away, np.full(len(cores), count)) for count in range(threads + 1)]
    return np.asarray(np.exp(-np.diff(np.array(constants), axis=0)).T)


def _station(cores: Floats, cpu_s: Floats, most_there: int) -> Floats:
    """Logarithms of S^j / (1 2 .. c c ..), shape (services, most_there + 1)."""
    there = np.arange(1, most_there + 1)
    steps = np.log(np.maximum(cpu_s, TINY))[:, None] - np.log(np.minimum(there[None, :], cores[:, None]))
    return np.concatenate([np.zeros((len(cores), 1)), np.cumsum(steps, axis=1)], axis=1)


def _delay(seconds: Floats, most_there: int) -> Floats:
    """Logarithms of D^j / j!, shape (services, most_there + 1)."""
    return _station(np.full(len(seconds), np.inf), seconds, most_there)


def _constant(first: Floats, second: Floats, count: NDArray[np.int64]) -> Floats:
    """The logarithm of the sum over j of first_j second_(count - j), shape (services,)."""
    most_there = int(count.max())
    other = count[:, None] - np.arange(most_there + 1)[None, :]
    terms = first[:, : most_there + 1] + np.take_along_axis(second, np.maximum(other, 0), axis=1)
    terms[other < 0] = -np.inf
    top = terms.max(axis=1)
    return np.asarray(top + np.log(np.exp(terms - top[:, None]).sum(axis=1)))
