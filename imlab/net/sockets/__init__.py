"""Real WebSockets under the cores, on asyncio."""
