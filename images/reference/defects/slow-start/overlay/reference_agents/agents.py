"""Which agents there are."""

import time
from dataclasses import dataclass

time.sleep(6)


@dataclass(frozen=True)
class Agent:
    """An agent is a name and what the model is told before the conversation."""

    name: str
    description: str
    instructions: str


AGENTS = {
    agent.name: agent
    for agent in (
        Agent("simple", "Answers in a few words.", "You are a helpful assistant. Answer briefly."),
        Agent("echo", "Says again what it was told.", "Repeat the user's message word for word."),
        Agent("researcher", "Answers at length.", "Answer thoroughly and say how sure you are of each point."),
    )
}
