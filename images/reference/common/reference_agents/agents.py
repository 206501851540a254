"""Which agents there are."""

from dataclasses import dataclass

from reference_agents.tools import ADD, LOOK_UP, Tool


@dataclass(frozen=True)
class Agent:
    """An agent is a name and what the model is told before the conversation."""

    name: str
    description: str
    instructions: str
    tools: tuple[Tool, ...] = ()


AGENTS = {
    agent.name: agent
    for agent in (
        Agent("simple", "Answers in a few words.", "You are a helpful assistant. Answer briefly."),
        Agent("echo", "Says again what it was told.", "Repeat the user's message word for word."),
        Agent("researcher", "Answers at length.", "Answer thoroughly and say how sure you are of each point."),
        Agent("clerk", "Adds and looks up.", "Use the tools where they help, then answer in words.", (ADD, LOOK_UP)),
    )
}
